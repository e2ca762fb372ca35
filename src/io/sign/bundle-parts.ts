import { X509Certificate } from "node:crypto";
import { z } from "zod";
import { parseJson } from "../../core/signature/index.ts";
import { tryShape } from "../../lib/index.ts";

/** What tools that know no bundles need of one that an identity signed. */
export interface BundleParts {
  /** The certificate that it was signed with, PEM. */
  readonly certificate: string;
  /** The signature, where it is over bytes and not over a statement. */
  readonly signature: Buffer | undefined;
}

const base64 = z
  .string()
  .max(100_000)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/);
const certificate = z.object({ rawBytes: base64 });
const shape = z.object({
  verificationMaterial: z.union([
    z.object({ certificate }).transform((one) => one.certificate),
    z
      .object({ x509CertificateChain: z.object({ certificates: z.tuple([certificate], z.unknown()) }) })
      .transform((one) => one.x509CertificateChain.certificates[0]),
  ]),
  messageSignature: z.object({ signature: base64 }).optional(),
});

/** Certificate and signature of a Sigstore bundle, of which nothing is verified here; undefined where it has no certificate. Sigstore, sigstore_bundle.proto. */
export function readBundleParts(bytes: Uint8Array): BundleParts | undefined {
  const read = tryShape(shape, parseJson(bytes));
  if (!read.success) return undefined;
  const { verificationMaterial, messageSignature } = read.data;
  const signature = messageSignature === undefined ? undefined : Buffer.from(messageSignature.signature, "base64");
  try {
    const { rawBytes } = verificationMaterial;
    return { certificate: new X509Certificate(Buffer.from(rawBytes, "base64")).toString(), signature };
  } catch {
    // Bytes that are no certificate.
    return undefined;
  }
}
