import { X509Certificate } from "node:crypto";
import { bundleFromJSON, isBundleWithDsseEnvelope, type Bundle } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier, type TrustMaterial } from "@sigstore/verify";
import { z } from "zod";
import {
  parseJson,
  refuseSimpleSigning,
  refuseStatement,
  statementType,
  type SignaturePolicy,
  type SignatureVerdict,
  type SignedImage,
} from "../../core/signature/index.ts";
import { digestHex, messageOf, sha256, tryShape } from "../../lib/index.ts";
import { SignError } from "./error.ts";
import type { FoundSignature } from "./fetch-signatures.ts";
import type { AttestationVerdict, FoundAttestation } from "./read-signed-vex.ts";

type IdentityPolicy = Extract<SignaturePolicy, { kind: "identity" }>;

const maxRoot = 1_048_576;
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
 * Verifies that the holder of an identity signed: the certificate is of an authority of the trusted root and was valid at a moment that a log or timestamp authority of it
 * vouches for, issuer and subject are those of the policy, and the signature is about the image. What the root names (logs of certificates, of signatures) is required; no network is asked. Throws BAD_ROOT.
 */
export function createIdentityVerifier(
  policy: IdentityPolicy,
): (found: FoundSignature, image: SignedImage) => SignatureVerdict {
  const verify = createVerifier(policy);
  return (found, image) => {
    const read = (): Bundle | string => (found.kind === "bundle" ? readBundle(found.bytes) : toBundle(found));
    const verdict = verify(read, found.kind === "bundle" ? undefined : found.payload);
    if (verdict.kind === "refused") return verdict;
    const { payload, by } = verdict;
    const reason = found.kind === "bundle" ? refuseStatement(payload, image) : refuseSimpleSigning(payload, image);
    return reason === undefined ? { kind: "verified", by } : refuse(reason);
  };
}

/** The same for attestations: what the statement is about is for the caller to see. Throws BAD_ROOT. */
export function createAttestationVerifier(policy: IdentityPolicy): (found: FoundAttestation) => AttestationVerdict {
  const verify = createVerifier(policy);
  return (found) =>
    verify(() => (found.kind === "bundle" ? readBundle(found.bytes) : envelopeBundle(found)), undefined);
}

/** Verifies a bundle; `payload` is what it signs where it does not hold that itself. */
function createVerifier(
  policy: IdentityPolicy,
): (read: () => Bundle | string, payload: Uint8Array | undefined) => AttestationVerdict {
  const trust = readTrustedRoot(policy.trustedRoot);
  const verifier = new Verifier(trust, {
    tlogThreshold: trust.tlogs.length > 0 ? 1 : 0,
    ctlogThreshold: trust.ctlogs.length > 0 ? 1 : 0,
    // Without a moment that somebody vouches for, a certificate of ten minutes would be good for ever.
    timestampThreshold: 1,
  });

  return (read, signed) => {
    try {
      const bundle = read();
      if (typeof bundle === "string") return refuse(bundle);
      const payload = signed ?? statementOf(bundle);
      if (payload === undefined) return refuse("it is no bundle with an in-toto statement");
      const entity = toSignedEntity(bundle, signed === undefined ? undefined : Buffer.from(signed));
      const { identity } = verifier.verify(entity);
      const { subjectAlternativeName: subject, extensions } = identity ?? {};
      if (subject !== policy.subject || extensions?.issuer !== policy.issuer)
        return refuse(`it is by ${subject ?? "nobody"} of ${extensions?.issuer ?? "no issuer"}`);
      return { kind: "verified", by: subject, payload };
    } catch (error) {
      // Certificates and bundles are other people's bytes: whatever is thrown over them, they are no signature.
      return refuse(`it cannot be verified: ${messageOf(error).slice(0, 300)}`);
    }
  };
}

function readTrustedRoot(text: string): TrustMaterial {
  try {
    if (text.length > maxRoot) throw new Error(`it is larger than ${maxRoot} bytes`);
    const trust = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(text)));
    if (trust.certificateAuthorities.length === 0) throw new Error("it names no certificate authority");
    return trust;
  } catch (cause) {
    throw new SignError("BAD_ROOT", `the trusted root of a signature policy cannot be used: ${messageOf(cause)}`, {
      hint: "Give Sigstore's trusted_root.json, or that of your own Sigstore.",
      cause,
    });
  }
}

function readBundle(bytes: Uint8Array): Bundle | string {
  const value = parseJson(bytes);
  return value === undefined ? "it is no bundle" : bundleFromJSON(value);
}

function statementOf(bundle: Bundle): Uint8Array | undefined {
  if (!isBundleWithDsseEnvelope(bundle)) return undefined;
  const { payloadType, payload } = bundle.content.dsseEnvelope;
  return payloadType === statementType ? payload : undefined;
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

function refuse(reason: string): { readonly kind: "refused"; readonly reason: string } {
  return { kind: "refused", reason };
}
