import { compareKeys, joinKey, maxVersionLength, numberKey, type Keyed } from "./key.ts";

/** A version of a Python package. PEP 440, as the `packaging` library reads it. */
export interface PypiVersion extends Keyed {
  /** The key without the local version. */
  readonly publicKey: string;
  readonly epoch: string;
  /** Numbers of the release as they were written. */
  readonly release: readonly string[];
  readonly isPrerelease: boolean;
  readonly isPostrelease: boolean;
  readonly hasLocal: boolean;
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
  if (text.length > maxVersionLength) return undefined;
  const match = shape.exec(text.trim());
  if (match === null) return undefined;
  const [, epoch = "0", numbers = "", pre, preNumber, dashed, post, postNumber, dev, devNumber, local] = match;
  const release = numbers.split(".");
  const isPostrelease = dashed !== undefined || post !== undefined;
  const isDev = dev !== undefined;
  const publicKey = joinKey([
    releaseKey(epoch, release),
    // A development release of a release is before its pre-releases; else what is no pre-release is after them.
    pre === undefined
      ? isDev && !isPostrelease
        ? "\u0001"
        : "\u0005"
      : `${ranks.get(pre.toLowerCase()) ?? ""}${numberKey(preNumber ?? "")}`,
    isPostrelease ? `\u0002${numberKey(dashed ?? postNumber ?? "")}` : "\u0001",
    isDev ? `\u0001${numberKey(devNumber ?? "")}` : "\u0002",
  ]);
  return {
    key: local === undefined ? publicKey : joinKey([publicKey, ...local.toLowerCase().split(/[._-]/).map(localKey)]),
    publicKey,
    epoch,
    release,
    isPrerelease: pre !== undefined || isDev,
    isPostrelease,
    hasLocal: local !== undefined,
  };
}

/** Order of two versions. PEP 440, "Summary of permitted suffixes and relative ordering". */
export const comparePypi: (a: PypiVersion, b: PypiVersion) => number = compareKeys;

/** The key of epoch and release; zeros at its end do not count. */
export function releaseKey(epoch: string, release: readonly string[]): string {
  let end = release.length;
  while (end > 0 && /^0+$/.test(release[end - 1] ?? "")) end -= 1;
  return joinKey([numberKey(epoch), ...release.slice(0, end).map((number) => `\u0002${numberKey(number)}`), "\u0001"]);
}

/** Texts before numbers. */
function localKey(part: string): string {
  return /^\d+$/.test(part) ? `\u0002${numberKey(part)}` : `\u0001${part}`;
}
