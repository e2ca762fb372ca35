import { createPrivateKey, createPublicKey, scryptSync, type KeyObject } from "node:crypto";
import { z } from "zod";
import { tryShape } from "../../lib/index.ts";
import { openBox, sealBox } from "./secretbox.ts";
import { parseJson } from "./simple-signing.ts";
import { readTrustedKey } from "./verify-with-key.ts";

/** What may not be the same twice, from whoever has randomness: 32 bytes of salt, 24 of nonce. */
export interface FreshBytes {
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
}

const maxPem = 65_536;
/** What cosign makes keys with, by OWASP's advice; it reads no other numbers but these and half of N. */
const scryptParams = { N: 65_536, r: 8, p: 1 };
const maxMemory = 268_435_456;
const maxRounds = 16;
const sealedLabels = ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"] as const;

const base64 = z
  .string()
  .max(maxPem)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/)
  .transform((text) => Buffer.from(text, "base64"));
const number = z.number().int().min(1).max(4_194_304);
/** secure-systems-lab/go-securesystemslib, encrypted. */
const sealedShape = z.object({
  kdf: z.object({ name: z.literal("scrypt"), params: z.object({ N: number, r: number, p: number }), salt: base64 }),
  cipher: z.object({ name: z.literal("nacl/secretbox"), nonce: base64 }),
  ciphertext: base64,
});

/** A private key in the file that cosign calls `cosign.key`: PKCS #8 in a NaCl box, under a key that scrypt makes of the passphrase. Ends in a line's end. */
export function sealPrivateKey(key: KeyObject, passphrase: string, { salt, nonce }: FreshBytes): string {
  const { N, r, p } = scryptParams;
  const secret = scryptSync(Buffer.from(passphrase), salt, 32, { N, r, p, maxmem: maxMemory });
  const der = key.export({ type: "pkcs8", format: "der" });
  const sealed = {
    kdf: { name: "scrypt", params: scryptParams, salt: encode(salt) },
    cipher: { name: "nacl/secretbox", nonce: encode(nonce) },
    ciphertext: encode(sealBox(der, nonce, secret)),
  };
  const body = encode(Buffer.from(JSON.stringify(sealed)));
  const lines = body.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${sealedLabels[0]}-----\n${lines.join("\n")}\n-----END ${sealedLabels[0]}-----\n`;
}

/** The private key in an encrypted PEM text (cosign's, or PKCS #8's `ENCRYPTED PRIVATE KEY`), or why it is not taken, as the end of a sentence. Never throws. */
export function openPrivateKey(pem: string, passphrase: string): KeyObject | string {
  if (pem.length > maxPem) return "it is larger than a key";
  const key = sealedLabels.some((label) => pem.includes(`-----BEGIN ${label}-----`))
    ? openSealed(pem, passphrase)
    : openPkcs8(pem, passphrase);
  if (typeof key === "string") return key;
  const refused = readTrustedKey(publicPem(key));
  return typeof refused === "string" ? refused : key;
}

/** The public half, as PEM. */
export function publicPem(key: KeyObject): string {
  return createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
}

function openPkcs8(pem: string, passphrase: string): KeyObject | string {
  if (/-----BEGIN (?:EC |RSA )?PRIVATE KEY-----/.test(pem) && !pem.includes("ENCRYPTED"))
    return "it is not encrypted: whoever can read the file could sign";
  if (!pem.includes("-----BEGIN ENCRYPTED PRIVATE KEY-----")) return "it is no encrypted private key in PEM";
  return readKey({ key: pem, format: "pem", passphrase });
}

function openSealed(pem: string, passphrase: string): KeyObject | string {
  const [, body = ""] = /-----BEGIN [A-Z ]+-----([A-Za-z0-9+/=\s]*)-----END /.exec(pem) ?? [];
  const parsed = tryShape(sealedShape, parseJson(Buffer.from(body.replaceAll(/\s/g, ""), "base64")));
  if (!parsed.success) return "it is no key as cosign keeps it";
  const { kdf, cipher, ciphertext } = parsed.data;
  const { N, r, p } = kdf.params;
  if (128 * N * r > maxMemory / 2 || p > maxRounds || (N & (N - 1)) !== 0 || N < 2)
    return `its numbers for scrypt (N ${N}, r ${r}, p ${p}) are none that are calculated with`;
  if (cipher.nonce.length !== 24) return "it is no key as cosign keeps it";
  let secret: Buffer;
  try {
    secret = scryptSync(Buffer.from(passphrase), kdf.salt, 32, { N, r, p, maxmem: maxMemory });
  } catch {
    return "its numbers for scrypt are none that are calculated with";
  }
  const der = openBox(ciphertext, cipher.nonce, secret);
  return der === undefined ? wrongPassphrase : readKey({ key: der, format: "der", type: "pkcs8" });
}

const wrongPassphrase = "the passphrase does not open it";

function readKey(input: Parameters<typeof createPrivateKey>[0]): KeyObject | string {
  try {
    return createPrivateKey(input);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    return /BAD_DECRYPT|MISSING_PASSPHRASE|INTERRUPTED_OR_CANCELLED/.test(code)
      ? wrongPassphrase
      : "it holds no private key";
  }
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
