import { compareKeys, type Keyed } from "./key.ts";
import { numbersKey, semverKey } from "./semver-key.ts";

/** A version as npm has it: Semantic Versioning 2.0.0 by node-semver. */
export interface NpmVersion extends Keyed {
  /** The key of major, minor and patch. */
  readonly numbers: string;
  readonly isPrerelease: boolean;
}

const part = String.raw`\d{1,256}`;
const identifier = String.raw`(?:\d{0,256}[A-Za-z-][A-Za-z0-9-]{0,250}|\d{1,256})`;
const loose = new RegExp(
  String.raw`^[v=\s]{0,256}(${part})\.(${part})\.(${part})(?:-?(${identifier}(?:\.${identifier})*))?(?:\+[A-Za-z0-9.-]{1,256})?$`,
);
const maxLength = 256;

/**
 * The version in `text`, undefined where it is none. Read as node-semver reads with `loose`, for old packages have such versions
 * (`1.2.3beta`, `=1.2.3`); what it reads without is read the same with it. Build metadata has no part in the order.
 */
export function parseNpm(text: string): NpmVersion | undefined {
  if (text.length > maxLength) return undefined;
  const match = loose.exec(text.trim());
  if (match === null || !isBuild(text)) return undefined;
  const [, major = "", minor = "", patch = "", prerelease] = match;
  if ([major, minor, patch].some((number) => Number(number) > Number.MAX_SAFE_INTEGER)) return undefined;
  return npmVersion(major, minor, patch, prerelease?.split(".") ?? []);
}

/** A version from its parts. */
export function npmVersion(major: string, minor: string, patch: string, prerelease: readonly string[]): NpmVersion {
  const numbers = numbersKey(major, minor, patch);
  return { key: semverKey(numbers, prerelease), numbers, isPrerelease: prerelease.length > 0 };
}

/** Order of two versions as npm has it. */
export const compareNpm: (a: NpmVersion, b: NpmVersion) => number = compareKeys;

/** No identifier of the build metadata is empty. */
function isBuild(text: string): boolean {
  const plus = text.indexOf("+");
  return (
    plus < 0 ||
    text
      .slice(plus + 1)
      .trim()
      .split(".")
      .every((id) => id !== "")
  );
}
