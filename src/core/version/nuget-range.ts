import { maxRangeLength } from "./comparator.ts";
import { compareNuget, parseNuget, type NugetVersion } from "./nuget.ts";

/** What a project says of a NuGet package. `NuGet.Versioning.VersionRange`. */
export interface NugetRange {
  readonly low: NugetVersion | undefined;
  readonly lowIsIn: boolean;
  readonly high: NugetVersion | undefined;
  readonly highIsIn: boolean;
  readonly float: Float | undefined;
}

/** `1.2.*`, `1.2.*-rc.*`: how many numbers must be as in the lower bound, and what a pre-release must begin with; without that none is taken. */
interface Float {
  readonly fixed: number;
  readonly prefix: string | undefined;
}

/** The range in `text`: `1.0` (at least), `[1.0]`, `[1.0,2.0)`, `1.*`. Undefined where it is none. */
export function parseNugetRange(text: string): NugetRange | undefined {
  const trimmed = text.trim();
  if (text.length > maxRangeLength || trimmed === "") return undefined;
  if (!/^[([]/.test(trimmed)) {
    const low = parseLow(trimmed);
    return low && { low: low.version, lowIsIn: true, high: undefined, highIsIn: false, float: low.float };
  }
  if (!/[)\]]$/.test(trimmed)) return undefined;
  const [lowIsIn, highIsIn] = [trimmed.startsWith("["), trimmed.endsWith("]")];
  const parts = trimmed.slice(1, -1).split(",");
  const [first = "", second = first] = parts;
  if (parts.length > 2 || (first === "" && second === "") || (parts.length === 1 && !(lowIsIn && highIsIn)))
    return undefined;
  const low = first.trim() === "" ? { version: undefined, float: undefined } : parseLow(first);
  const high = second.trim() === "" ? null : parseNuget(second);
  if (low === undefined || high === undefined) return undefined;
  if (low.version !== undefined && high !== null) {
    const order = compareNuget(low.version, high);
    if (order > 0 || (order === 0 && lowIsIn !== highIsIn)) return undefined;
  }
  return { low: low.version, lowIsIn, high: high ?? undefined, highIsIn, float: low.float };
}

/** Whether a version is in a range; of a floating one it also must be what the stars stand for. */
export function isInNugetRange(version: NugetVersion, { low, lowIsIn, high, highIsIn, float }: NugetRange): boolean {
  const fromLow = low === undefined ? 1 : compareNuget(version, low);
  const toHigh = high === undefined ? -1 : compareNuget(version, high);
  if (fromLow < 0 || (fromLow === 0 && !lowIsIn) || toHigh > 0 || (toHigh === 0 && !highIsIn)) return false;
  if (float === undefined || low === undefined) return true;
  return (
    low.numbers.every((number, at) => at >= float.fixed || number === version.numbers[at]) &&
    (version.prerelease === "" || (float.prefix !== undefined && version.prerelease.startsWith(float.prefix)))
  );
}

/** A lower bound, and what it floats by. A star is the lowest that can stand there. */
function parseLow(text: string): { readonly version: NugetVersion; readonly float: Float | undefined } | undefined {
  if (!text.includes("*")) {
    const version = parseNuget(text);
    return version && { version, float: undefined };
  }
  if (text.includes("+")) return undefined;
  const dash = text.indexOf("-");
  const numbers = dash < 0 ? text : text.slice(0, dash);
  const labels = dash < 0 ? undefined : text.slice(dash + 1);
  // A star ends the numbers or the labels, and stands nowhere else.
  const [stable, isFloating] = numbers.endsWith("*") ? [`${numbers.slice(0, -1)}0`, true] : [numbers, false];
  const prefix = labels?.endsWith("*") === true ? labels.slice(0, -1) : undefined;
  if (labels !== undefined && prefix === undefined) return undefined;
  if (stable.includes("*") || prefix?.includes("*") === true) return undefined;
  const isOpen = (prefix === "" || prefix?.endsWith(".") === true) && (isFloating || labels?.includes("-") !== true);
  const lowest = prefix === undefined ? "" : `-${prefix}${isOpen ? "0" : ""}`;
  const version = parseNuget(stable + lowest);
  if (version === undefined) return undefined;
  // `1*` is 10.
  if (isFloating && prefix === undefined && numbers !== "*" && !stable.includes("."))
    return { version, float: undefined };
  const fixed = isFloating ? stable.split(".").length - 1 : 4;
  return { version, float: { fixed, prefix: prefix?.toUpperCase() } };
}
