import { z } from "zod";
import { canonicalJson, digestHex, tryShape, type Digest } from "../../lib/index.ts";
import { parseJson } from "./simple-signing.ts";
import { preAuthEncoding, statementType } from "./statement.ts";
import { isSignedBy, type TrustedKey } from "./verify-with-key.ts";

const maxSignature = 16_384;
const mostSignatures = 10;
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Envelopes of up to `payloadBytes` of payload. */
function envelopeShape(payloadBytes: number) {
  const most = Math.ceil(payloadBytes / 3) * 4;
  return z.object({
    payload: z.string().max(most).regex(base64),
    payloadType: z.literal(statementType),
    signatures: z
      .array(z.object({ sig: z.string().max(maxSignature).regex(base64) }))
      .min(1)
      .max(mostSignatures),
  });
}

/** An envelope around an in-toto statement: nothing of it is believed yet. DSSE, envelope.md. */
export interface Envelope {
  /** The statement's bytes. */
  readonly payload: Buffer;
  /** Base64. */
  readonly signatures: readonly string[];
}

/** The envelope in a Sigstore bundle, or one that stands alone; undefined where it is neither, or larger than `payloadBytes`. What a bundle has as verification material has no part in it. Sigstore, sigstore_bundle.proto. */
export function readEnvelope(
  bytes: Uint8Array,
  kind: "bundle" | "envelope",
  payloadBytes: number,
): Envelope | undefined {
  const shape = envelopeShape(payloadBytes);
  const value = parseJson(bytes);
  const parsed =
    kind === "envelope"
      ? tryShape(shape, value)
      : tryShape(
          z
            .object({
              mediaType: z.string().max(200).startsWith("application/vnd.dev.sigstore.bundle"),
              dsseEnvelope: shape,
            })
            .transform(({ dsseEnvelope }) => dsseEnvelope),
          value,
        );
  if (!parsed.success) return undefined;
  const { payload, signatures } = parsed.data;
  return { payload: Buffer.from(payload, "base64"), signatures: signatures.map(({ sig }) => sig) };
}

/** Which of `keys` signed an envelope; undefined where none did. DSSE, protocol.md. */
export function signerOf({ payload, signatures }: Envelope, keys: readonly TrustedKey[]): TrustedKey | undefined {
  const signed = preAuthEncoding(statementType, payload);
  return keys.find((key) => signatures.some((sig) => isSignedBy(key, signed, Buffer.from(sig, "base64"))));
}

/** Media type of the bundles that we write. Sigstore, sigstore_bundle.proto. */
export const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** A bundle around a signed in-toto statement, with a key's fingerprint as the hint at who signed. Sigstore, sigstore_bundle.proto. */
export function formatBundle(payload: Uint8Array, signature: Uint8Array, fingerprint: Digest): string {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  return canonicalJson({
    mediaType: bundleType,
    verificationMaterial: { publicKey: { hint: Buffer.from(digestHex(fingerprint), "hex").toString("base64") } },
    dsseEnvelope: {
      payload: base64(payload),
      payloadType: statementType,
      signatures: [{ sig: base64(signature) }],
    },
  });
}
