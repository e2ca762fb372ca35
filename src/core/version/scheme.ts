import { compareDeb, isDebVersion, parseDeb, type DebVersion } from "./deb.ts";

/** How the versions of one kind of package are read and ordered. */
export interface VersionScheme<V = unknown> {
  readonly name: string;
  /** The version in `text`, split once so that comparing allocates nothing; undefined where it is none by the scheme's own rules. */
  parse(text: string): V | undefined;
  /** Order of two versions: negative, zero or positive. */
  compare(a: V, b: V): number;
}

const deb: VersionScheme<DebVersion> = {
  name: "deb",
  parse: (text) => (isDebVersion(text) ? parseDeb(text) : undefined),
  compare: compareDeb,
};

/** Every order of versions that we know, by the purl type of the packages that have it. Another one is: a file, a line here, a test. */
export const versionSchemes = { deb } as const satisfies Record<string, VersionScheme>;
