import {
  readTrustedKey,
  verifyBundleWithKey,
  verifySimpleSigning,
  type SignaturePolicy,
  type SignatureVerdict,
  type SignedImage,
  type TrustedKey,
} from "../../core/signature/index.ts";
import { printable, type Digest } from "../../lib/index.ts";
import { SignError } from "./error.ts";
import { fetchSignatures, type FoundSignature } from "./fetch-signatures.ts";
import type { SignatureSource } from "./read-beside.ts";

type Verify = (signature: FoundSignature, image: SignedImage) => SignatureVerdict;

/**
 * Whether somebody whom `policy` trusts signed `digest`, by what lies beside it in `source`; no network but that. One good signature is enough, whatever else is there.
 * Throws BAD_KEY and BAD_ROOT for a policy that cannot be used, and what the source throws.
 */
export async function checkSignature(
  source: SignatureSource,
  digest: Digest,
  policy: SignaturePolicy,
  signal?: AbortSignal,
): Promise<SignatureVerdict> {
  const verify = await verifierOf(policy);
  const { signatures, problems } = await fetchSignatures(source, digest, signal);
  const image = { digest, names: [source.name, ...(policy.signedAs ?? [])] };
  const reasons = new Set<string>();
  for (const signature of signatures) {
    const verdict = verify(signature, image);
    if (verdict.kind === "verified") return verdict;
    reasons.add(verdict.reason);
  }
  const none = signatures.length === 0 ? ["it has no signature"] : [];
  const why = [...none, ...reasons, ...problems].slice(0, 5).join("; ");
  return { kind: "refused", reason: printable(why.slice(0, 1000)) };
}

async function verifierOf(policy: SignaturePolicy): Promise<Verify> {
  if (policy.kind === "identity") {
    // sigstore's packages are loaded by who needs them.
    const { createIdentityVerifier } = await import("./verify-identity.ts");
    return createIdentityVerifier(policy);
  }
  const keys = readKeys(policy.keys);
  return (found, image) =>
    found.kind === "bundle"
      ? verifyBundleWithKey(found.bytes, keys, image)
      : verifySimpleSigning(found.payload, found.signature, keys, image);
}

/** Throws BAD_KEY. */
export function readKeys(pems: readonly string[]): TrustedKey[] {
  if (pems.length === 0) throw new SignError("BAD_KEY", "a signature policy names no key");
  return pems.map((pem, index) => {
    const key = readTrustedKey(pem);
    if (typeof key !== "string") return key;
    throw new SignError("BAD_KEY", `key ${index + 1} of a signature policy cannot be used: ${key}`, {
      hint: "Give the public key in PEM, as `cosign public-key` or `openssl pkey -pubout` write it.",
    });
  });
}
