import { z } from "zod";
import { readEnvelope, signerOf } from "./envelope.ts";
import { refuseSimpleSigning } from "./simple-signing.ts";
import { refuseStatement } from "./statement.ts";
import type { SignatureVerdict, SignedImage } from "./types.ts";
import { isSignedBy, type TrustedKey } from "./verify-with-key.ts";

const maxSignature = 16_384;
const maxStatement = 1_500_000;
const base64 = z
  .string()
  .max(2_000_000)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/);

/** Whether one of `keys` signed a payload of simple signing about `image`; `signature` is base64. Never throws. */
export function verifySimpleSigning(
  payload: Uint8Array,
  signature: string,
  keys: readonly TrustedKey[],
  image: SignedImage,
): SignatureVerdict {
  if (!base64.max(maxSignature).safeParse(signature).success) return refuse("its signature is not in base64");
  // The signature comes first: what nobody vouches for is not worth a reading.
  const by = keys.find((key) => isSignedBy(key, payload, Buffer.from(signature, "base64")));
  if (by === undefined) return refuse("it is not by a key that is trusted for it");
  const reason = refuseSimpleSigning(payload, image);
  return reason === undefined ? { kind: "verified", by: by.name } : refuse(reason);
}

/** Whether one of `keys` signed the statement in a Sigstore bundle, and it says that `image` was signed. Never throws. */
export function verifyBundleWithKey(
  bundle: Uint8Array,
  keys: readonly TrustedKey[],
  image: SignedImage,
): SignatureVerdict {
  const envelope = readEnvelope(bundle, "bundle", maxStatement);
  if (envelope === undefined) return refuse("it is no bundle with an in-toto statement");
  const by = signerOf(envelope, keys);
  if (by === undefined) return refuse("it is not by a key that is trusted for it");
  const reason = refuseStatement(envelope.payload, image);
  return reason === undefined ? { kind: "verified", by: by.name } : refuse(reason);
}

function refuse(reason: string): SignatureVerdict {
  return { kind: "refused", reason };
}
