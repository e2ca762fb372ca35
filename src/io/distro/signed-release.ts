import type { Instant } from "../../lib/index.ts";

/** What a verifier found: the text that was signed, or why it is not to be believed. */
export type SignatureVerdict =
  { readonly kind: "good"; readonly text: string } | { readonly kind: "bad"; readonly why: string };

/** An InRelease file, and who may have signed it. */
export interface SignedRelease {
  readonly inRelease: Buffer;
  /** OpenPGP public keys, binary or armored. */
  readonly keys: readonly Uint8Array[];
  readonly now: Instant;
}

/** Whether a key is written as text. RFC 9580, section 6. */
export function isArmored(key: Uint8Array): boolean {
  return Buffer.from(key).toString("latin1", 0, 64).trimStart().startsWith("-----BEGIN");
}
