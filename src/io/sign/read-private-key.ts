import { sign, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import {
  openPrivateKey,
  publicPem,
  readTrustedKey,
  type TrustedIdentity,
  type TrustedKey,
  type TrustedSigner,
} from "../../core/signature/index.ts";
import { SignError } from "./error.ts";

/** Something that signs with a key of its own: in a file, or held by a program. */
export interface Signer {
  readonly key: TrustedKey;
  /** The public key, PEM. */
  readonly pem: string;
  /** A signature over `data`, as cosign makes them: ECDSA in DER over SHA-256, or Ed25519. */
  sign(data: Uint8Array): Promise<Buffer>;
}

/** Something that signs as an identity, with keys that nobody keeps. */
export interface IdentitySigner {
  readonly identity: TrustedIdentity;
  /** An in-toto statement, signed and entered into the log: a Sigstore bundle that verifies. */
  bundle(statement: Uint8Array): Promise<string>;
  /** The same for bytes that are no statement: the bundle holds their hash, not them. */
  bundleOf(data: Uint8Array): Promise<string>;
}

/** What signs evidence. */
export type EvidenceSigner = Signer | IdentitySigner;

/** Whom evidence that it signs is by. */
export function signerOfEvidence(signer: EvidenceSigner): TrustedSigner {
  return "identity" in signer ? signer.identity : signer.key;
}

/** The private key at `path`, opened. Throws KEY_CLOSED with what is wrong. */
export async function readPrivateKey(path: string, passphrase: string): Promise<KeyObject> {
  const pem = await readFile(path, "utf8").catch((error: unknown) => {
    throw new SignError("KEY_CLOSED", `the key ${path} cannot be read`, {
      hint: "`tidemill keys make NAME` makes NAME.key and NAME.pub.",
      cause: error,
    });
  });
  const key = openPrivateKey(pem, passphrase);
  if (typeof key !== "string") return key;
  throw new SignError("KEY_CLOSED", `the key ${path} cannot be used: ${key}`, {
    hint: key.includes("passphrase")
      ? `${passphraseVariable} holds the passphrase, where the configuration names no other variable.`
      : "`tidemill keys make`, or `cosign generate-key-pair`, makes one that is.",
  });
}

/** What signs with the private key at `path`. Throws KEY_CLOSED. */
export async function openSigner(path: string, passphrase: string): Promise<Signer> {
  const privateKey = await readPrivateKey(path, passphrase);
  const pem = publicPem(privateKey);
  const key = readTrustedKey(pem);
  if (typeof key === "string") throw new SignError("KEY_CLOSED", `the key ${path} cannot be used: ${key}`);
  const algorithm = privateKey.asymmetricKeyType === "ed25519" ? null : "sha256";
  return { key, pem, sign: (data) => Promise.resolve(sign(algorithm, data, privateKey)) };
}

/** The variable that holds the passphrase of signing keys where nothing else is said. */
export const passphraseVariable = "TIDEMILL_KEY_PASSPHRASE";

/** The passphrase of signing keys. Throws KEY_CLOSED where the variable is not set or empty: what is not encrypted anybody could take. */
export function passphraseOf(env: Readonly<Record<string, string | undefined>>, variable = passphraseVariable): string {
  const passphrase = env[variable] ?? "";
  if (passphrase !== "") return passphrase;
  throw new SignError("KEY_CLOSED", `${variable} is not set: it holds the passphrase of the signing key`, {
    hint: `Set it, from a secret store, for whoever signs: \`export ${variable}=…\`.`,
  });
}
