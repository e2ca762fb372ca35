import { maxRangeLength } from "./comparator.ts";
import { afterLocals, afterPostsKey, pypiKey, splitPypi, type PypiParts, type PypiVersion } from "./pypi.ts";

/** What a Python project says of a dependency: all of its specifiers must hold. PEP 440, "Version specifiers". */
export interface PypiRange {
  readonly specifiers: readonly Specifier[];
  /** Whether one of them names a pre-release: only then pre-releases are in the range. */
  readonly takesPrereleases: boolean;
}

/** Keys from `low` up to, not with, `high`; without one of them there is no bound. `!=` takes what is outside. */
type Specifier =
  | { readonly kind: "between"; readonly low: string; readonly high: string | undefined }
  | { readonly kind: "outside"; readonly low: string; readonly high: string }
  | { readonly kind: "exactly"; readonly text: string };

/** The range in `text`: specifiers with commas between them, none for every version. Undefined where one is wrong. */
export function parsePypiRange(text: string): PypiRange | undefined {
  if (text.length > maxRangeLength) return undefined;
  const specifiers: Specifier[] = [];
  let takesPrereleases = false;
  for (const part of text.split(",").map((one) => one.trim())) {
    if (part === "") continue;
    const parsed = parseSpecifier(part);
    if (parsed === undefined) return undefined;
    specifiers.push(parsed.specifier);
    takesPrereleases ||= parsed.namesPrerelease;
  }
  return { specifiers, takesPrereleases };
}

/** Whether a version is in a range. */
export function isInPypiRange(version: PypiVersion, range: PypiRange): boolean {
  return (!version.isPrerelease || range.takesPrereleases) && range.specifiers.every((one) => isIn(version, one));
}

function isIn({ key, text }: PypiVersion, specifier: Specifier): boolean {
  switch (specifier.kind) {
    case "between":
      return key >= specifier.low && (specifier.high === undefined || key < specifier.high);
    case "outside":
      return key < specifier.low || key >= specifier.high;
    case "exactly":
      return text === specifier.text;
  }
}

const shape = /^(===|~=|==|!=|<=|>=|<|>)\s*(\S+)$/;

interface Parsed {
  readonly specifier: Specifier;
  readonly namesPrerelease: boolean;
}

function parseSpecifier(text: string): Parsed | undefined {
  const [, operator, written = ""] = shape.exec(text) ?? [];
  if (operator === undefined) return undefined;
  if (operator === "===") {
    const named = splitPypi(written);
    if (/[;)]/.test(written)) return undefined;
    return {
      specifier: { kind: "exactly", text: written.toLowerCase() },
      namesPrerelease: named !== undefined && isPre(named),
    };
  }
  const isEquality = operator === "==" || operator === "!=";
  const isWild = isEquality && written.endsWith(".*");
  const version = splitPypi(isWild ? written.slice(0, -2) : written);
  if (version === undefined || (!isEquality && version.local !== undefined)) return undefined;
  const isBare = !isPre(version) && version.post === undefined && version.local === undefined;
  if ((isWild && !isBare) || (operator === "~=" && version.release.length < 2)) return undefined;
  const namesPrerelease = operator !== "!=" && isPre(version);
  if (!isEquality) return { specifier: inequality(operator, version), namesPrerelease };
  const low = isWild ? pypiKey({ epoch: version.epoch, release: version.release, dev: "0" }) : pypiKey(version);
  const high = isWild
    ? nextRelease(version.epoch, version.release)
    : version.local === undefined
      ? low + afterLocals
      : `${low}\u0000`;
  return { specifier: { kind: operator === "==" ? "between" : "outside", low, high }, namesPrerelease };
}

function inequality(operator: string, version: PypiParts): Specifier {
  const key = pypiKey(version);
  switch (operator) {
    case ">=":
      return { kind: "between", low: key, high: undefined };
    case "<=":
      return { kind: "between", low: "", high: key + afterLocals };
    case "<":
      // The pre-releases of a version that is none itself are not below it.
      return { kind: "between", low: "", high: isPre(version) ? key : pypiKey({ ...version, dev: "0" }) };
    case ">":
      return { kind: "between", low: above(version), high: undefined };
    default:
      return { kind: "between", low: key, high: nextRelease(version.epoch, version.release.slice(0, -1)) };
  }
}

/** The first key above a version, its local versions and, where it is none itself, its post-releases. */
function above(version: PypiParts): string {
  if (version.dev !== undefined) return pypiKey({ ...version, dev: next(version.dev) });
  if (version.post !== undefined) return pypiKey({ ...version, post: next(version.post), dev: "0" });
  return afterPostsKey(version);
}

/** The lowest key of the release after all that begin with `release`. */
function nextRelease(epoch: string, release: readonly string[]): string {
  return pypiKey({ epoch, release: [...release.slice(0, -1), next(release.at(-1) ?? "0")], dev: "0" });
}

function next(number: string): string {
  return String(BigInt(number) + 1n);
}

function isPre({ pre, dev }: PypiParts): boolean {
  return pre !== undefined || dev !== undefined;
}
