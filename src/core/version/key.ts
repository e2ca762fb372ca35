/**
 * A version whose order is worked out once, when it is parsed: `key` is a text, and the order of two keys by code units is the
 * order of the versions. So a comparison is one comparison of texts: it allocates nothing, and the order is total by construction.
 */
export interface Keyed {
  readonly key: string;
}

/** Order of two versions by their keys: -1, 0 or 1. */
export function compareKeys(a: Keyed, b: Keyed): number {
  return a.key === b.key ? 0 : a.key < b.key ? -1 : 1;
}

/** Longer texts are no versions, in any scheme: no registry and no distribution has any near that. */
export const maxVersionLength = 512;

/** Digits as part of a key: how many there are without leading zeros, then they themselves, so that numbers of any length have their order. */
export function numberKey(digits: string): string {
  let from = 0;
  while (from < digits.length && digits.charCodeAt(from) === 48) from += 1;
  return String.fromCharCode(digits.length - from + 1) + digits.slice(from);
}

/** One flat text of the parts: what `+` makes would be flattened by the first comparison, which then allocates. */
export function joinKey(parts: readonly string[]): string {
  return parts.join("");
}
