import { joinKey, numberKey } from "./key.ts";

/** Above every identifier: a release comes after its pre-releases. */
const release = "\u007f";
/** Between identifiers, and below all that they are made of: of two lists the one that ends first is lower. */
const separator = "\u0000";
/** Numeric identifiers begin below `-`, the first character of texts: up to this length by their length, beyond it by this mark. */
const longNumber = 0x28;

/** The key of a version by its three numbers and the identifiers of its pre-release. Semantic Versioning 2.0.0, 11. */
export function semverKey(numbers: string, prerelease: readonly string[]): string {
  return joinKey([numbers, prerelease.length === 0 ? release : prerelease.map(identifierKey).join(separator)]);
}

/** The key of major, minor and patch. */
export function numbersKey(major: string, minor: string, patch: string): string {
  return joinKey([numberKey(major), numberKey(minor), numberKey(patch)]);
}

/** Numbers by their value and below texts; texts by their ASCII characters. */
function identifierKey(identifier: string): string {
  if (!/^\d+$/.test(identifier)) return identifier;
  const key = numberKey(identifier);
  return key.charCodeAt(0) < longNumber ? key : String.fromCharCode(longNumber) + key;
}
