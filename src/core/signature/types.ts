import type { Digest } from "../../lib/index.ts";
import type { SignerIdentity } from "./identity.ts";

/** Who must have signed an image before it is believed. */
export type SignaturePolicy =
  /** The holder of any of these keys: PEM, `PUBLIC KEY`, of ECDSA P-256, Ed25519, or RSA of 2,048 bits or more. */
  { readonly kind: "key"; readonly keys: readonly string[]; readonly signedAs?: readonly string[] } | IdentityPolicy;

/** Whoever had this identity when a certificate was made out, by an authority of `trustedRoot`. */
export interface IdentityPolicy extends SignerIdentity {
  readonly kind: "identity";
  /** Sigstore's trusted_root.json, or that of one's own Sigstore: its text. */
  readonly trustedRoot: string;
  readonly thresholds?: Thresholds | undefined;
  readonly signedAs?: readonly string[];
}

/** How many have to vouch, each once. Without a number one, of what the trusted root names at all. */
export interface Thresholds {
  /** Logs of signatures (Rekor) that have the entry. */
  readonly logs?: number | undefined;
  /** Logs of certificates that have the certificate. */
  readonly certificateLogs?: number | undefined;
  /** Moments of signing, by a log's promise or a timestamp authority; never none. */
  readonly timestamps?: number | undefined;
}

/** What a signature is to be of. */
export interface SignedImage {
  readonly digest: Digest;
  /** Names (`host/repository`) under which it may have been signed: its own, and those it is a mirror of. */
  readonly names: readonly string[];
}

/** What was made of a signature: who made it, or why it does not count. */
export type SignatureVerdict =
  { readonly kind: "verified"; readonly by: string } | { readonly kind: "refused"; readonly reason: string };
