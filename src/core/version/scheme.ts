import { compareApk, parseApk, type ApkVersion } from "./apk.ts";
import { compareCargo, parseCargo, type CargoVersion } from "./cargo.ts";
import { compareComposer, parseComposer, type ComposerVersion } from "./composer.ts";
import { compareDeb, isDebVersion, parseDeb, type DebVersion } from "./deb.ts";
import { compareGem, parseGem, type GemVersion } from "./gem.ts";
import { compareGolang, parseGolang, type GolangVersion } from "./golang.ts";
import { compareMaven, parseMaven, type MavenVersion } from "./maven.ts";
import { compareNpm, parseNpm, type NpmVersion } from "./npm.ts";
import { compareNuget, parseNuget, type NugetVersion } from "./nuget.ts";
import { comparePypi, parsePypi, type PypiVersion } from "./pypi.ts";
import { compareRpm, parseRpm, type RpmVersion } from "./rpm.ts";

/** How the versions of one kind of package are read and ordered. */
export interface VersionScheme<V = unknown> {
  readonly name: string;
  /** The version in `text`, split once so that comparing allocates nothing; undefined where it is none by the scheme's own rules. Never throws. */
  parse(text: string): V | undefined;
  /** Order of two versions: negative, zero or positive. */
  compare(a: V, b: V): number;
}

const deb: VersionScheme<DebVersion> = {
  name: "deb",
  parse: (text) => (isDebVersion(text) ? parseDeb(text) : undefined),
  compare: compareDeb,
};
const apk: VersionScheme<ApkVersion> = { name: "apk", parse: parseApk, compare: compareApk };
const rpm: VersionScheme<RpmVersion> = { name: "rpm", parse: parseRpm, compare: compareRpm };
const npm: VersionScheme<NpmVersion> = { name: "npm", parse: parseNpm, compare: compareNpm };
const pypi: VersionScheme<PypiVersion> = { name: "pypi", parse: parsePypi, compare: comparePypi };
const golang: VersionScheme<GolangVersion> = { name: "golang", parse: parseGolang, compare: compareGolang };
const maven: VersionScheme<MavenVersion> = { name: "maven", parse: parseMaven, compare: compareMaven };
const gem: VersionScheme<GemVersion> = { name: "gem", parse: parseGem, compare: compareGem };
const nuget: VersionScheme<NugetVersion> = { name: "nuget", parse: parseNuget, compare: compareNuget };
const composer: VersionScheme<ComposerVersion> = { name: "composer", parse: parseComposer, compare: compareComposer };
const cargo: VersionScheme<CargoVersion> = { name: "cargo", parse: parseCargo, compare: compareCargo };

/** Every order of versions that we know, by the purl type of the packages that have it. Another one is: a file, a line here, a test. */
export const versionSchemes = {
  deb,
  apk,
  rpm,
  npm,
  pypi,
  golang,
  maven,
  gem,
  nuget,
  composer,
  cargo,
} as const satisfies Record<string, VersionScheme>;
