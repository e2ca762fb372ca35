import { canonicalJson, sha256, type Digest } from "../../lib/index.ts";
import { describeIdentity } from "./identity.ts";
import type { IdentityPolicy } from "./types.ts";
import type { TrustedKey } from "./verify-with-key.ts";

/** Whoever has an identity, and so may vouch for images. */
export interface TrustedIdentity {
  readonly policy: IdentityPolicy;
  /** For people. */
  readonly name: string;
  /** Of what the identity has to be; which root and how many have to vouch are no part of it. */
  readonly fingerprint: Digest;
}

/** Somebody who may vouch for images: the holder of a key, or of an identity. */
export type TrustedSigner = TrustedKey | TrustedIdentity;

export function trustIdentity(policy: IdentityPolicy): TrustedIdentity {
  const { issuer, subject, subjectKind, claims, from, until } = policy;
  const fingerprint = sha256(canonicalJson({ issuer, subject, subjectKind, claims, from, until }));
  return { policy, name: describeIdentity(policy), fingerprint };
}

export function isKey(signer: TrustedSigner): signer is TrustedKey {
  return "key" in signer;
}

export function isIdentity(signer: TrustedSigner): signer is TrustedIdentity {
  return "policy" in signer;
}
