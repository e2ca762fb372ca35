import { formatBundle, formatSimpleSigning, preAuthEncoding, statementType } from "../../core/signature/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { ClassicSignature } from "./attach.ts";
import type { EvidenceSigner, Signer } from "./read-private-key.ts";

/** A signed in-toto statement in a Sigstore bundle. Throws what the signer throws. DSSE, protocol.md. */
export async function signStatement(signer: EvidenceSigner, statement: Uint8Array): Promise<string> {
  if ("identity" in signer) return signer.bundle(statement);
  const signature = await signer.sign(preAuthEncoding(statementType, statement));
  return formatBundle(statement, signature, signer.key.fingerprint);
}

/** A signature that says that `digest` is an image of `name`, for verifiers that know no bundles. Throws what the signer throws. */
export async function signClassic(signer: Signer, digest: Digest, name: string): Promise<ClassicSignature> {
  const payload = formatSimpleSigning(digest, name);
  return { payload, signature: (await signer.sign(payload)).toString("base64") };
}
