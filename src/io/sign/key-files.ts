import { generateKeyPairSync, randomBytes, type KeyObject } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { publicPem, readTrustedKey, sealPrivateKey, type TrustedKey } from "../../core/signature/index.ts";
import { digestHex, syncFolder, writeFileDurable } from "../../lib/index.ts";
import { SignError } from "./error.ts";
import { readPrivateKey } from "./read-private-key.ts";

export type KeyKind = "ecdsa-p256" | "ed25519";

/** Current: it signs. Retired: what it signed counts. Revoked: nothing of it counts. */
export type KeyState = "current" | "retired" | "revoked";

/** A public key that lies beside a private one. */
export interface KeyFile {
  readonly path: string;
  readonly state: KeyState;
  readonly key: TrustedKey;
}

const maxKeyFiles = 1000;

/**
 * Makes a pair of keys: `NAME.key`, encrypted and readable by its owner alone, and `NAME.pub`, both as cosign has them. Throws KEY_EXISTS where either is there: nothing is written over.
 */
export async function makeKeys(name: string, kind: KeyKind, passphrase: string): Promise<KeyFile> {
  await mkdir(dirname(name), { recursive: true });
  const pair = generateKey(kind);
  await createNew(`${name}.key`, seal(pair, passphrase), 0o600);
  await createNew(`${name}.pub`, publicPem(pair), 0o644);
  await syncFolder(dirname(name));
  return fileOf(`${name}.pub`, publicPem(pair), "current");
}

/** The public keys of a name: the one that signs first, then the others by file name. Throws BAD_KEY for one that cannot be read, KEY_CLOSED where there is none. */
export async function listKeys(name: string): Promise<KeyFile[]> {
  const current = await readPublic(`${name}.pub`, "current");
  const base = basename(name);
  const others: KeyFile[] = [];
  for (const file of (await readdir(dirname(name))).sort().slice(0, maxKeyFiles)) {
    const state = stateOf(file, base);
    if (state !== undefined) others.push(await readPublic(join(dirname(name), file), state));
  }
  const revoked = new Set(others.filter(({ state }) => state === "revoked").map(({ key }) => key.fingerprint));
  if (revoked.has(current.key.fingerprint))
    throw new SignError("BAD_KEY", `${name}.key signs, and is revoked`, {
      hint: "`tidemill keys rotate` makes another.",
    });
  return [current, ...others];
}

/**
 * Replaces the key that signs by a new one of `kind`: the old public key stays beside it, so that what it signed still counts; the old private key is gone. Stopped anywhere it can be run again. Throws KEY_CLOSED where the passphrase does not open the old one.
 */
export async function rotateKeys(name: string, kind: KeyKind, passphrase: string): Promise<KeyFile> {
  const old = publicPem(await readPrivateKey(`${name}.key`, passphrase));
  const next = generateKey(kind);
  await writeFileDurable(retiredPath(name, trusted(old, `${name}.key`)), old);
  await writeFileDurable(`${name}.key`, seal(next, passphrase), 0o600);
  await writeFileDurable(`${name}.pub`, publicPem(next));
  return fileOf(`${name}.pub`, publicPem(next), "current");
}

/** Says of a retired key that nothing it signed counts any more; by its fingerprint, or how that begins. Throws BAD_KEY where no retired key is meant, or several are. */
export async function revokeKey(name: string, fingerprint: string): Promise<KeyFile> {
  const wanted = fingerprint.replace(/^sha256:/, "");
  const meant = (await listKeys(name)).filter(({ key }) => digestHex(key.fingerprint).startsWith(wanted));
  const [one] = meant;
  if (one === undefined || meant.length > 1 || wanted.length < 6)
    throw new SignError("BAD_KEY", `"${fingerprint}" is the fingerprint of ${meant.length} keys of ${name}`, {
      hint: "`tidemill keys list` names them; give at least six digits.",
    });
  if (one.state === "current")
    throw new SignError("BAD_KEY", `${one.key.name} is the one that signs`, {
      hint: "Make another first: `tidemill keys rotate`.",
    });
  if (one.state === "revoked") return one;
  const path = one.path.replace(/\.pub$/, ".revoked.pub");
  await rename(one.path, path);
  await syncFolder(dirname(path));
  return { ...one, path, state: "revoked" };
}

function generateKey(kind: KeyKind): KeyObject {
  return kind === "ed25519"
    ? generateKeyPairSync("ed25519").privateKey
    : generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
}

function seal(key: KeyObject, passphrase: string): string {
  return sealPrivateKey(key, passphrase, { salt: randomBytes(32), nonce: randomBytes(24) });
}

function retiredPath(name: string, key: TrustedKey): string {
  return `${name}-${digestHex(key.fingerprint).slice(0, 16)}.pub`;
}

function stateOf(file: string, base: string): KeyState | undefined {
  if (!file.startsWith(`${base}-`)) return undefined;
  const rest = file.slice(base.length + 1);
  if (/^[0-9a-f]{16}\.pub$/.test(rest)) return "retired";
  return /^[0-9a-f]{16}\.revoked\.pub$/.test(rest) ? "revoked" : undefined;
}

/** A public key in a file. Throws KEY_CLOSED where there is none, BAD_KEY where it is none that is taken. */
export async function readPublicKey(path: string): Promise<TrustedKey> {
  return (await readPublic(path, "retired")).key;
}

async function readPublic(path: string, state: KeyState): Promise<KeyFile> {
  const pem = await readFile(path, "utf8").catch((error: unknown) => {
    throw new SignError("KEY_CLOSED", `the public key ${path} cannot be read`, {
      hint: "`tidemill keys make NAME` makes NAME.key and NAME.pub.",
      cause: error,
    });
  });
  return fileOf(path, pem, state);
}

function fileOf(path: string, pem: string, state: KeyState): KeyFile {
  return { path, state, key: trusted(pem, path) };
}

function trusted(pem: string, path: string): TrustedKey {
  const key = readTrustedKey(pem);
  if (typeof key !== "string") return key;
  throw new SignError("BAD_KEY", `${path} cannot be used: ${key}`);
}

async function createNew(path: string, text: string, mode: number): Promise<void> {
  try {
    const file = await open(path, "wx", mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new SignError("KEY_EXISTS", `${path} is there already`, {
      hint: "`tidemill keys rotate` replaces a key, and keeps what the old one signed valid.",
    });
  }
}
