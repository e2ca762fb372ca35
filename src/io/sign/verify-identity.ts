import { X509Certificate } from "node:crypto";
import { bundleFromJSON, type Bundle } from "@sigstore/bundle";
import { z } from "zod";
import {
  parseJson,
  refuseSimpleSigning,
  refuseStatement,
  type IdentityPolicy,
  type SignatureVerdict,
  type SignedImage,
} from "../../core/signature/index.ts";
import { digestHex, sha256, tryShape } from "../../lib/index.ts";
import type { FoundSignature } from "./fetch-signatures.ts";
import { readBundle } from "./read-bundle.ts";
import type { FoundAttestation } from "./read-signed-vex.ts";
import { createBundleVerifier, createIdentityBundleVerifier, type BundleVerdict } from "./verify-bundle.ts";

const maxPem = 65_536;
const base64 = z
  .string()
  .max(65_536)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/);

/** The log's promise, as cosign keeps it beside a signature. cosign, SIGNATURE_SPEC.md. */
const rekorShape = z.object({
  SignedEntryTimestamp: base64,
  Payload: z.object({
    body: base64,
    integratedTime: z.number().int().positive(),
    logIndex: z.number().int().nonnegative(),
    logID: z.string().regex(/^[0-9a-f]{64}$/),
  }),
});
const bodyShape = z.object({ kind: z.string().max(50), apiVersion: z.string().max(50) });

/**
 * Verifies that the holder of an identity signed (see createBundleVerifier), and that the signature is about the image. Throws BAD_ROOT and BAD_IDENTITY.
 */
export function createIdentityVerifier(
  policy: IdentityPolicy,
): (found: FoundSignature, image: SignedImage) => SignatureVerdict {
  const verify = createIdentityBundleVerifier(policy);
  return (found, image) => {
    const read = (): Bundle | string => (found.kind === "bundle" ? readBundle(found.bytes) : toBundle(found));
    const verdict = verify(read, found.kind === "bundle" ? undefined : found.payload);
    if (verdict.kind === "refused") return verdict;
    const { payload, by } = verdict;
    const reason = found.kind === "bundle" ? refuseStatement(payload, image) : refuseSimpleSigning(payload, image);
    return reason === undefined ? { kind: "verified", by } : { kind: "refused", reason };
  };
}

/** The same for attestations, by whoever is in possession of a certificate: whether it is whom the policy names, and what the statement is about, are for the caller to see. Throws BAD_ROOT and BAD_IDENTITY. */
export function createAttestationVerifier(policy: IdentityPolicy): (found: FoundAttestation) => BundleVerdict {
  const verify = createBundleVerifier(policy);
  return (found) =>
    verify(() => (found.kind === "bundle" ? readBundle(found.bytes) : envelopeBundle(found)), undefined);
}

/** What cosign keeps in annotations, as a bundle; or why it is none. */
function toBundle({
  signature,
  payload,
  ...kept
}: Extract<FoundSignature, { kind: "simple-signing" }>): Bundle | string {
  const verificationMaterial = readMaterial(kept);
  if (typeof verificationMaterial === "string") return verificationMaterial;
  if (!base64.safeParse(signature).success) return "what is kept beside it is malformed";
  const digest = Buffer.from(digestHex(sha256(payload)), "hex").toString("base64");
  return bundleFromJSON({
    mediaType: oldBundle,
    verificationMaterial,
    messageSignature: { messageDigest: { algorithm: "SHA2_256", digest }, signature },
  });
}

/** The same for an envelope that an attestation is. */
function envelopeBundle({ bytes, ...kept }: FoundAttestation): Bundle | string {
  const verificationMaterial = readMaterial(kept);
  if (typeof verificationMaterial === "string") return verificationMaterial;
  const dsseEnvelope = parseJson(bytes);
  if (dsseEnvelope === undefined) return "it is no envelope";
  return bundleFromJSON({ mediaType: oldBundle, verificationMaterial, dsseEnvelope });
}

const oldBundle = "application/vnd.dev.sigstore.bundle+json;version=0.1";

/** Who signed and when, as annotations have it; or what is wrong with them. */
function readMaterial({
  certificate,
  rekor,
}: Pick<FoundAttestation, "certificate" | "rekor">): Record<string, unknown> | string {
  if (certificate === undefined) return "it has no certificate: a key made it";
  if (rekor === undefined) return "it is in no log";
  const malformed = "what is kept beside it is malformed";
  const promise = tryShape(rekorShape, parseJson(Buffer.from(rekor)));
  if (!promise.success || certificate.length > maxPem) return malformed;
  const { body, integratedTime, logIndex, logID } = promise.data.Payload;
  const entry = tryShape(bodyShape, parseJson(Buffer.from(body, "base64")));
  if (!entry.success) return malformed;
  return {
    x509CertificateChain: { certificates: [{ rawBytes: new X509Certificate(certificate).raw.toString("base64") }] },
    tlogEntries: [
      {
        logIndex: String(logIndex),
        logId: { keyId: Buffer.from(logID, "hex").toString("base64") },
        kindVersion: { kind: entry.data.kind, version: entry.data.apiVersion },
        integratedTime: String(integratedTime),
        inclusionPromise: { signedEntryTimestamp: promise.data.SignedEntryTimestamp },
        canonicalizedBody: body,
      },
    ],
  };
}
