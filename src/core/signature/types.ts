import type { Digest } from "../../lib/index.ts";

/** Who must have signed an image before it is believed. */
export type SignaturePolicy =
  /** The holder of any of these keys: PEM, `PUBLIC KEY`, of ECDSA P-256, Ed25519, or RSA of 2,048 bits or more. */
  | { readonly kind: "key"; readonly keys: readonly string[]; readonly signedAs?: readonly string[] }
  /** Whoever had this identity when a certificate was made out, by an authority of `trustedRoot` (Sigstore's trusted_root.json). */
  | {
      readonly kind: "identity";
      /** Who vouched for the identity: the address of an OpenID issuer. */
      readonly issuer: string;
      /** An e-mail address or URI, whole. */
      readonly subject: string;
      readonly trustedRoot: string;
      readonly signedAs?: readonly string[];
    };

/** What a signature is to be of. */
export interface SignedImage {
  readonly digest: Digest;
  /** Names (`host/repository`) under which it may have been signed: its own, and those it is a mirror of. */
  readonly names: readonly string[];
}

/** What was made of a signature: who made it, or why it does not count. */
export type SignatureVerdict =
  { readonly kind: "verified"; readonly by: string } | { readonly kind: "refused"; readonly reason: string };
