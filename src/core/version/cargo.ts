import { compareKeys, maxVersionLength, numberKey, type Keyed } from "./key.ts";
import { numbersKey, semverKey } from "./semver-key.ts";

/** A version of a Rust crate: Semantic Versioning 2.0.0 without any liberty, as the `semver` crate reads it. */
export interface CargoVersion extends Keyed {
  /** Keys of the three numbers and of the pre-release. */
  readonly major: string;
  readonly minor: string;
  readonly patch: string;
  readonly prerelease: string;
  readonly isPrerelease: boolean;
}

const number = "(0|[1-9][0-9]{0,19})";
const identifiers = "([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)";
const shape = new RegExp(`^${number}\\.${number}\\.${number}(?:-${identifiers})?(?:\\+${identifiers})?$`);
const maxNumber = 2n ** 64n - 1n;

/** The version in `text`, undefined where it is none. */
export function parseCargo(text: string): CargoVersion | undefined {
  const match = text.length > maxVersionLength ? null : shape.exec(text);
  if (match === null) return undefined;
  const [, major = "", minor = "", patch = "", prerelease] = match;
  const ids = prerelease?.split(".") ?? [];
  if (![major, minor, patch].every(isCargoNumber) || ids.some((id) => /^0\d+$/.test(id))) return undefined;
  return {
    key: semverKey(numbersKey(major, minor, patch), ids),
    major: numberKey(major),
    minor: numberKey(minor),
    patch: numberKey(patch),
    prerelease: prereleaseOf(ids),
    isPrerelease: ids.length > 0,
  };
}

/** The key of the identifiers of a pre-release; that of none is above all. */
export function prereleaseOf(identifiers: readonly string[]): string {
  return semverKey("", identifiers);
}

/** Order of two versions by their precedence: build metadata has no part in it. Semantic Versioning 2.0.0, 11. */
export const compareCargo: (a: CargoVersion, b: CargoVersion) => number = compareKeys;

/** Whether the digits fit the 64 bits that the crate has for them. */
export function isCargoNumber(digits: string): boolean {
  return digits.length < 20 || BigInt(digits) <= maxNumber;
}
