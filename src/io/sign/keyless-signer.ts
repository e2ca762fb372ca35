import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject, type X509Certificate } from "node:crypto";
import { bundleType, preAuthEncoding, statementType, type TrustedIdentity } from "../../core/signature/index.ts";
import { canonicalJson } from "../../lib/index.ts";
import { usualPatience, type Patience } from "./ask-for-bytes.ts";
import { SignError } from "./error.ts";
import { readIdentityToken, type TokenSource } from "./identity-token.ts";
import type { IdentitySigner } from "./read-private-key.ts";
import { enterLog, requestCertificate, requestTimestamp, type LogProposal } from "./sigstore-services.ts";

/** A Sigstore, public or one's own, and who we are to it. */
export interface KeylessSetting {
  /** Whom certificates have to name, and whose certificates and logs count: what others will verify by. */
  readonly identity: TrustedIdentity;
  /** Addresses of Fulcio and of Rekor. */
  readonly fulcio: string;
  readonly rekor: string;
  /** Address of a timestamp authority, with its path. */
  readonly timestamp: string;
  readonly token: TokenSource;
  readonly audience: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A certificate with its key, for the few minutes that it is good for. The key is in memory alone. */
interface Credential {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
  readonly until: number;
}

/** Time enough to sign and to be entered before the certificate is over. */
const spareMs = 60_000;

/**
 * What signs as an identity: by a key that is made for it and kept nowhere, a certificate of Fulcio for a token of the moment, a timestamp, and an entry in Rekor. What it gives was verified by the trusted root, as others will verify
 * it. Throws BAD_ROOT and BAD_IDENTITY; signing throws NO_TOKEN and SIGN_FAILED. Sigstore client specification, 3.
 */
export async function openKeylessSigner(
  setting: KeylessSetting,
  patience: Patience = usualPatience,
): Promise<IdentitySigner> {
  // sigstore's packages are loaded by who needs them.
  const [{ createIdentityBundleVerifier }, { readBundle }] = await Promise.all([
    import("./verify-bundle.ts"),
    import("./read-bundle.ts"),
  ]);
  const verify = createIdentityBundleVerifier(setting.identity.policy);
  let held: Promise<Credential> | undefined;
  const credential = async (): Promise<Credential> => {
    const known = await held?.catch(() => undefined);
    if (known !== undefined && known.until - spareMs > patience.clock.now()) return known;
    held = createCredential(setting, patience);
    return held;
  };
  const believed = (bundle: string, signed?: Uint8Array): string => {
    const verdict = verify(() => readBundle(Buffer.from(bundle)), signed);
    if (verdict.kind === "verified") return bundle;
    throw new SignError("SIGN_FAILED", `what was signed does not verify: ${verdict.reason}`, {
      hint: "Do `issuer:` and `subject:` name who the token is for, and `trustedRoot:` the authority and the log that are asked?",
    });
  };
  return {
    identity: setting.identity,
    bundle: async (statement) => believed(await signEnvelope(await credential(), statement, setting, patience)),
    bundleOf: async (data) => believed(await signBytes(await credential(), data, setting, patience), data),
  };
}

async function createCredential(setting: KeylessSetting, patience: Patience): Promise<Credential> {
  const token = await readIdentityToken(setting.token, setting.audience, setting.env, patience);
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const proof = sign("sha256", Buffer.from(token.challenge), privateKey);
  const certificate = await requestCertificate(setting.fulcio, token, { pem, proof }, patience);
  if (!certificate.checkPrivateKey(privateKey))
    throw new SignError("SIGN_FAILED", "the certificate authority answered a certificate for another key");
  return { key: privateKey, certificate, until: certificate.validToDate.getTime() };
}

async function signEnvelope(
  { key, certificate }: Credential,
  statement: Uint8Array,
  setting: KeylessSetting,
  patience: Patience,
): Promise<string> {
  const signature = sign("sha256", preAuthEncoding(statementType, statement), key);
  const envelope = {
    payload: Buffer.from(statement).toString("base64"),
    payloadType: statementType,
    signatures: [{ sig: signature.toString("base64") }],
  };
  const verificationMaterial = await vouchFor(signature, { envelope, certificate }, setting, patience);
  return canonicalJson({ mediaType: bundleType, verificationMaterial, dsseEnvelope: envelope });
}

async function signBytes(
  { key, certificate }: Credential,
  data: Uint8Array,
  setting: KeylessSetting,
  patience: Patience,
): Promise<string> {
  const signature = sign("sha256", data, key);
  const digest = createHash("sha256").update(data).digest();
  const verificationMaterial = await vouchFor(signature, { digest, signature, certificate }, setting, patience);
  return canonicalJson({
    mediaType: bundleType,
    verificationMaterial,
    messageSignature: {
      messageDigest: { algorithm: "SHA2_256", digest: digest.toString("base64") },
      signature: signature.toString("base64"),
    },
  });
}

/** The certificate, the moment and the log's entry of a signature, as bundles have them. */
async function vouchFor(
  signature: Uint8Array,
  proposal: LogProposal,
  { rekor, timestamp }: KeylessSetting,
  patience: Patience,
): Promise<object> {
  const hash = createHash("sha256").update(signature).digest();
  // The time comes first: an entry that nobody dates is in the log for nothing.
  const stamp = await requestTimestamp(timestamp, hash, randomBytes(8), patience);
  const entry = await enterLog(rekor, proposal, patience);
  return {
    certificate: { rawBytes: proposal.certificate.raw.toString("base64") },
    tlogEntries: [entry],
    timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: stamp.toString("base64") }] },
  };
}
