import { X509Certificate } from "node:crypto";
import { z } from "zod";
import { parseJson } from "../../core/signature/index.ts";
import { tryShape } from "../../lib/index.ts";
import { askForBytes, type Patience } from "./ask-for-bytes.ts";
import { SignError } from "./error.ts";
import type { IdentityToken } from "./identity-token.ts";

const json = { "content-type": "application/json", accept: "application/json" };
const maxAnswer = 1_048_576;

const chain = z.object({ chain: z.object({ certificates: z.array(z.string().max(65_536)).min(1).max(10) }) });
const certificateAnswer = z.object({
  signedCertificateEmbeddedSct: chain.optional(),
  signedCertificateDetachedSct: chain.optional(),
});

/** A certificate for a public key (PEM), by a token and a signature over its challenge. Throws SIGN_FAILED. Fulcio, fulcio.proto, CreateSigningCertificate. */
export async function requestCertificate(
  fulcio: string,
  token: IdentityToken,
  key: { readonly pem: string; readonly proof: Uint8Array },
  patience: Patience,
): Promise<X509Certificate> {
  const what = "the certificate authority";
  const body = JSON.stringify({
    credentials: { oidcIdentityToken: token.raw },
    publicKeyRequest: {
      publicKey: { algorithm: "ECDSA", content: key.pem },
      proofOfPossession: Buffer.from(key.proof).toString("base64"),
    },
  });
  const url = addressOf(fulcio, "api/v2/signingCert");
  const answer = await askForBytes({ what, url, headers: json, body, maxBytes: maxAnswer }, patience);
  const parsed = tryShape(certificateAnswer, parseJson(answer));
  const made = parsed.success
    ? (parsed.data.signedCertificateEmbeddedSct ?? parsed.data.signedCertificateDetachedSct)
    : undefined;
  try {
    return new X509Certificate(made?.chain.certificates[0] ?? "");
  } catch (cause) {
    throw new SignError("SIGN_FAILED", `${what} at ${fulcio} answered no certificate`, { cause });
  }
}

/** What a log is given: an envelope, or the signature over bytes of which it learns the hash alone; and whose certificate that is of. */
export type LogProposal = {
  readonly certificate: X509Certificate;
} & (
  | {
      readonly envelope: {
        readonly payload: string;
        readonly payloadType: string;
        readonly signatures: readonly object[];
      };
    }
  | { readonly digest: Uint8Array; readonly signature: Uint8Array }
);

/** Enters what was signed into a log of tiles, which answers as bundles have it and vouches for no time. Throws SIGN_FAILED. Rekor v2, rekor_service.proto, CreateEntry. */
export async function enterLog(rekor: string, proposal: LogProposal, patience: Patience): Promise<object> {
  const rawBytes = proposal.certificate.raw.toString("base64");
  const verifier = { x509Certificate: { rawBytes }, keyDetails: "PKIX_ECDSA_P256_SHA_256" };
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const body = JSON.stringify(
    "envelope" in proposal
      ? { dsseRequestV002: { envelope: proposal.envelope, verifiers: [verifier] } }
      : {
          hashedRekordRequestV002: {
            digest: base64(proposal.digest),
            signature: { content: base64(proposal.signature), verifier },
          },
        },
  );
  const url = addressOf(rekor, "api/v2/log/entries");
  const what = "the log";
  const answer = await askForBytes({ what, url, headers: json, body, maxBytes: 2 * body.length + maxAnswer }, patience);
  const entry = parseJson(answer);
  if (typeof entry === "object" && entry !== null && !Array.isArray(entry)) return entry;
  throw new SignError("SIGN_FAILED", `${what} at ${rekor} answered no entry`);
}

const maxTimestamp = 65_536;

/** A timestamp over the SHA-256 of `data`, in DER. `nonce` are 8 bytes that nobody could know. Throws SIGN_FAILED. RFC 3161, 2.4. */
export async function requestTimestamp(
  url: string,
  hash: Uint8Array,
  nonce: Uint8Array,
  patience: Patience,
): Promise<Buffer> {
  const what = "the timestamp authority";
  const headers = { "content-type": "application/timestamp-query", accept: "application/timestamp-reply" };
  return askForBytes({ what, url, headers, body: timestampQuery(hash, nonce), maxBytes: maxTimestamp }, patience);
}

/** TimeStampReq: version 1, SHA-256 and the hash, the nonce, and the authority's certificate wanted. RFC 3161, 2.4.1. */
function timestampQuery(hash: Uint8Array, nonce: Uint8Array): Buffer {
  const sha256 = Buffer.from("300d06096086480165030402010500", "hex");
  const imprint = der(0x30, Buffer.concat([sha256, der(0x04, hash)]));
  // A leading 1 keeps the number positive and in its shortest form.
  const number = der(0x02, Buffer.concat([Buffer.from([1]), nonce]));
  return der(0x30, Buffer.concat([Buffer.from("020101", "hex"), imprint, number, Buffer.from("0101ff", "hex")]));
}

/** Contents of less than 128 bytes. */
function der(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}

/** A path below an address. */
function addressOf(base: string, path: string): string {
  return new URL(path, base.endsWith("/") ? base : `${base}/`).href;
}
