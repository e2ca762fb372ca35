import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { digestHex, sha256, type Digest } from "../../lib/index.ts";

/** A key that may vouch for images. */
export interface TrustedKey {
  readonly key: KeyObject;
  /** For people: its kind and the beginning of its fingerprint. */
  readonly name: string;
  /** Of its SubjectPublicKeyInfo in DER. RFC 5280, 4.1. */
  readonly fingerprint: Digest;
}

const maxPem = 16_384;
const leastRsaBits = 2048;
const mostRsaBits = 16_384;

/** The public key in a PEM text, or why it is not taken. */
export function readTrustedKey(pem: string): TrustedKey | string {
  if (pem.length > maxPem || !/-----BEGIN (?:RSA )?PUBLIC KEY-----/.test(pem)) return "it is no public key in PEM";
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: "pem" });
  } catch {
    return "it is no public key in PEM";
  }
  const kind = kindOf(key);
  if (kind === undefined) return "it is no key of ECDSA P-256, Ed25519, or RSA of 2,048 bits or more";
  const der = key.export({ type: "spki", format: "der" });
  const fingerprint = sha256(der);
  return { key, name: `${kind} key ${digestHex(fingerprint).slice(0, 16)}`, fingerprint };
}

/** Whether `signature` over `data` is of that key: ECDSA and RSA (PKCS #1 v1.5) with SHA-256, as cosign makes them. Garbage is no signature. */
export function isSignedBy({ key }: TrustedKey, data: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(key.asymmetricKeyType === "ed25519" ? null : "sha256", data, key, signature);
  } catch {
    return false;
  }
}

function kindOf(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "ed25519") return "Ed25519";
  if (type === "ec") return details?.namedCurve === "prime256v1" ? "ECDSA" : undefined;
  const bits = details?.modulusLength ?? 0;
  return type === "rsa" && bits >= leastRsaBits && bits <= mostRsaBits ? "RSA" : undefined;
}
