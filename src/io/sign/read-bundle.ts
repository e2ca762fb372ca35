import { bundleFromJSON, isBundleWithDsseEnvelope, type Bundle } from "@sigstore/bundle";
import { z } from "zod";
import { parseJson, statementType } from "../../core/signature/index.ts";
import { tryShape } from "../../lib/index.ts";

const maxCertificate = 65_536;
const maxTimestamp = 65_536;
const maxBody = 33_554_432;
const few = 10;

function base64(bytes: number) {
  return z
    .string()
    .max(Math.ceil(bytes / 3) * 4)
    .regex(/^[A-Za-z0-9+/]*={0,2}$/);
}

const number = z.union([z.string().regex(/^\d{1,18}$/), z.number().int().nonnegative()]);
const certificate = z.object({ rawBytes: base64(maxCertificate) });
const logEntry = z.object({
  logIndex: number.optional(),
  integratedTime: number.optional(),
  canonicalizedBody: base64(maxBody).optional(),
  inclusionPromise: z.object({ signedEntryTimestamp: base64(1024) }).nullish(),
  inclusionProof: z
    .object({
      logIndex: number.optional(),
      treeSize: number.optional(),
      hashes: z.array(base64(64)).max(64).optional(),
      checkpoint: z.object({ envelope: z.string().max(65_536) }).nullish(),
    })
    .nullish(),
});
/** What the library that verifies would have to work through: no honest bundle has more. Sigstore, sigstore_bundle.proto. */
const limits = z.object({
  verificationMaterial: z.object({
    certificate: certificate.nullish(),
    x509CertificateChain: z.object({ certificates: z.array(certificate).min(1).max(few) }).nullish(),
    tlogEntries: z.array(logEntry).max(few).optional(),
    timestampVerificationData: z
      .object({
        rfc3161Timestamps: z
          .array(z.object({ signedTimestamp: base64(maxTimestamp) }))
          .max(few)
          .optional(),
      })
      .nullish(),
  }),
  messageSignature: z.object({ signature: base64(16_384) }).optional(),
  dsseEnvelope: z.object({ signatures: z.array(z.object({ sig: base64(16_384) })).length(1) }).optional(),
});

/** A Sigstore bundle, or why it is none. Nothing of it is believed yet. Throws what the library throws over one that is malformed. */
export function readBundle(bytes: Uint8Array): Bundle | string {
  const value = parseJson(bytes);
  if (value === undefined) return "it is no bundle";
  const parsed = tryShape(limits, value);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    return `it is no bundle that is read: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`;
  }
  return bundleFromJSON(value);
}

/** The in-toto statement in a bundle; undefined where it has none. */
export function statementOf(bundle: Bundle): Uint8Array | undefined {
  if (!isBundleWithDsseEnvelope(bundle)) return undefined;
  const { payloadType, payload } = bundle.content.dsseEnvelope;
  return payloadType === statementType ? payload : undefined;
}
