import { compareKeys, joinKey, maxVersionLength, numberKey, type Keyed } from "./key.ts";

/** A version of a Python package. PEP 440, as the `packaging` library reads it. */
export interface PypiVersion extends Keyed {
  /** As it was written, in lower case: `===` wants it to the letter. */
  readonly text: string;
  /** Whether it is a pre-release or a development release. */
  readonly isPrerelease: boolean;
}

/** What a version is written of. */
export interface PypiParts {
  readonly epoch: string;
  readonly release: readonly string[];
  readonly pre?: { readonly rank: string; readonly number: string } | undefined;
  readonly post?: string | undefined;
  readonly dev?: string | undefined;
  readonly local?: readonly string[] | undefined;
}

const shape =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[._-]?(alpha|a|beta|b|preview|pre|c|rc)[._-]?(\d+)?)?(?:-(\d+)|[._-]?(post|rev|r)[._-]?(\d+)?)?(?:[._-]?(dev)[._-]?(\d+)?)?(?:\+([a-z0-9]+(?:[._-][a-z0-9]+)*))?$/i;

const ranks: ReadonlyMap<string, string> = new Map(
  Object.entries({ a: 2, alpha: 2, b: 3, beta: 3, c: 4, rc: 4, pre: 4, preview: 4 }).map(([name, rank]) => [
    name,
    String.fromCharCode(rank),
  ]),
);

/** The version in `text`, undefined where it is none. */
export function parsePypi(text: string): PypiVersion | undefined {
  const parts = splitPypi(text);
  return (
    parts && {
      key: pypiKey(parts),
      text: text.trim().toLowerCase(),
      isPrerelease: parts.pre !== undefined || parts.dev !== undefined,
    }
  );
}

/** Order of two versions. PEP 440, "Summary of permitted suffixes and relative ordering". */
export const comparePypi: (a: PypiVersion, b: PypiVersion) => number = compareKeys;

/** The parts of the version in `text`, undefined where it is none. */
export function splitPypi(text: string): PypiParts | undefined {
  if (text.length > maxVersionLength) return undefined;
  const match = shape.exec(text.trim());
  if (match === null) return undefined;
  const [
    ,
    epoch = "0",
    numbers = "",
    pre,
    preNumber = "0",
    dashed,
    post,
    postNumber = "0",
    dev,
    devNumber = "0",
    local,
  ] = match;
  return {
    epoch,
    release: numbers.split("."),
    pre: pre === undefined ? undefined : { rank: ranks.get(pre.toLowerCase()) ?? "", number: preNumber },
    post: dashed ?? (post === undefined ? undefined : postNumber),
    dev: dev === undefined ? undefined : devNumber,
    local: local?.toLowerCase().split(/[._-]/),
  };
}

/** The key of a version. Parts are told apart by what they begin with, so no key but those of its local versions begins with another. */
export function pypiKey({ epoch, release, pre, post, dev, local }: PypiParts): string {
  return joinKey([
    preKey({ epoch, release, pre, post, dev }),
    post === undefined ? "\u0001" : `\u0002${numberKey(post)}`,
    dev === undefined ? "\u0002" : `\u0001${numberKey(dev)}`,
    ...(local ?? []).map((part) => (/^\d+$/.test(part) ? `\u0002${numberKey(part)}` : `\u0001${part}`)),
  ]);
}

/** Above all local versions of the version whose key comes before it. */
export const afterLocals = "\u0003";

/** Above a version, its local versions and its post-releases, all of which begin with the key of the same release and pre-release. */
export function afterPostsKey(parts: PypiParts): string {
  return `${preKey(parts)}\u0003`;
}

/** The key of epoch, release and pre-release; zeros at the end of a release do not count. */
function preKey({ epoch, release, pre, post, dev }: PypiParts): string {
  let end = release.length;
  while (end > 0 && /^0+$/.test(release[end - 1] ?? "")) end -= 1;
  const numbers = release.slice(0, end).map((number) => `\u0002${numberKey(number)}`);
  // A development release of a release is before its pre-releases; else what is no pre-release is after them.
  const none = dev !== undefined && post === undefined ? "\u0001" : "\u0005";
  return joinKey([
    numberKey(epoch),
    ...numbers,
    "\u0001",
    pre === undefined ? none : `${pre.rank}${numberKey(pre.number)}`,
  ]);
}
