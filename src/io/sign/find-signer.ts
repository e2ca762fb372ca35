import {
  isIdentity,
  isKey,
  readEnvelope,
  refuseIdentity,
  signerOf,
  type SeenIdentity,
  type TrustedIdentity,
  type TrustedSigner,
} from "../../core/signature/index.ts";
import type { FoundAttestation } from "./read-signed-vex.ts";

/** Who signed an attestation, and its statement's bytes; or why it does not count, as a sentence's end. */
export type SignedBy =
  | { readonly kind: "verified"; readonly by: TrustedSigner; readonly payload: Uint8Array }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * What tells which of `signers` signed an attestation whose statement has at most `maxStatement` bytes: the first of them that did. A certificate in an attestation stands for an identity, and only for that. No network
 * is asked. Throws BAD_ROOT and BAD_IDENTITY for an identity that cannot be used.
 */
export async function createSignerFinder(
  signers: readonly TrustedSigner[],
  maxStatement: number,
): Promise<(found: FoundAttestation) => SignedBy> {
  const keys = signers.filter(isKey);
  const findIdentity = await createIdentityFinder(signers.filter(isIdentity));
  return (found) => {
    const envelope = readEnvelope(found.bytes, found.kind, maxStatement);
    if (envelope === undefined) return { kind: "refused", reason: "it holds no in-toto statement" };
    const key = signerOf(envelope, keys);
    if (key !== undefined) return { kind: "verified", by: key, payload: envelope.payload };
    return findIdentity(found) ?? { kind: "refused", reason: "it is not by a key that is known here" };
  };
}

/** Each trusted root verifies once, however many identities are asked for. Undefined where no identity is known. */
async function createIdentityFinder(
  identities: readonly TrustedIdentity[],
): Promise<(found: FoundAttestation) => SignedBy | undefined> {
  if (identities.length === 0) return () => undefined;
  // sigstore's packages are loaded by who needs them.
  const { createAttestationVerifier } = await import("./verify-identity.ts");
  const byRoot = new Map<string, TrustedIdentity[]>();
  for (const identity of identities) {
    const { trustedRoot, thresholds } = identity.policy;
    const id = JSON.stringify([trustedRoot, thresholds]);
    byRoot.set(id, [...(byRoot.get(id) ?? []), identity]);
  }
  const groups = [...byRoot.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ group, verify: createAttestationVerifier(first.policy) }];
  });
  return (found) => {
    const reasons: string[] = [];
    for (const { group, verify } of groups) {
      const verdict = verify(found);
      if (verdict.kind === "refused") reasons.push(verdict.reason);
      else {
        const { seen, payload } = verdict;
        const by = seen && group.find(({ policy }) => refuseIdentity(policy, seen) === undefined);
        if (seen !== undefined && by !== undefined)
          return { kind: "verified", by: { ...by, name: nameOf(seen) }, payload };
        reasons.push(seen === undefined ? "it is by nobody" : `it is by ${nameOf(seen)}, who is not known here`);
      }
    }
    return { kind: "refused", reason: [...new Set(reasons)].slice(0, 3).join("; ") };
  };
}

function nameOf({ subject, issuer }: SeenIdentity): string {
  return `${subject} of ${issuer}`;
}
