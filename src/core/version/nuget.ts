import { compareKeys, joinKey, maxVersionLength, numberKey, type Keyed } from "./key.ts";
import { semverKey } from "./semver-key.ts";

/** A NuGet version: one to four numbers, the rest as Semantic Versioning 2.0.0 but without case. `NuGet.Versioning`. */
export interface NugetVersion extends Keyed {
  /** Keys of the four numbers. */
  readonly numbers: readonly [string, string, string, string];
  /** The labels in upper case, with the dots between them; empty for a release. */
  readonly prerelease: string;
}

const shape =
  /^(\d+)\s*(?:\.\s*(\d+)\s*)?(?:\.\s*(\d+)\s*)?(?:\.\s*(\d+)\s*)?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;
const maxNumber = 2 ** 31 - 1;

/** The version in `text`, undefined where it is none. */
export function parseNuget(text: string): NugetVersion | undefined {
  const match = text.length > maxVersionLength ? null : shape.exec(text.trim());
  if (match === null) return undefined;
  const [, major = "", minor = "0", patch = "0", revision = "0", prerelease] = match;
  const labels = prerelease?.split(".") ?? [];
  const numbers = [numberKey(major), numberKey(minor), numberKey(patch), numberKey(revision)] as const;
  if (
    [major, minor, patch, revision].some((number) => Number(number) > maxNumber) ||
    labels.some((label) => /^0\d+$/.test(label))
  )
    return undefined;
  const key = semverKey(joinKey(numbers), labels.map(labelOf));
  return { key, numbers, prerelease: labels.join(".").toUpperCase() };
}

/** Order of two versions as NuGet has it; build metadata has no part in it. */
export const compareNuget: (a: NugetVersion, b: NugetVersion) => number = compareKeys;

/** NuGet takes a label as a number where it fits 32 bits, with a minus before it, too: those are moved up so that the lowest is 0. */
function labelOf(label: string): string {
  const value = /^-?\d+$/.test(label) ? Number(label) : Number.NaN;
  if (value >= -maxNumber - 1 && value <= maxNumber) return String(value + maxNumber + 1);
  // The mark keeps digits that fit no number from being one.
  return `-${label.toUpperCase()}`;
}
