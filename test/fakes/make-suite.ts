import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { createCleartextMessage, generateKey, readPrivateKey, sign, type PrivateKey } from "openpgp";
import type { Instant } from "../../src/lib/index.ts";
import { ending, pack, type MadeDeb, type Packing } from "./make-deb.ts";

export interface SuiteSpec {
  readonly suite: string;
  /** {@link SuiteSpec.suite} without it. */
  readonly codename?: string;
  readonly date: Instant;
  readonly validUntil?: Instant;
  readonly packages: readonly MadeDeb[];
  /** `amd64` without it; packages for `all` stand in each. */
  readonly architectures?: readonly string[];
  /** How the indices are offered, beside the plain one's digest; xz and gz without it. */
  readonly packings?: readonly Packing[];
  readonly byHash?: boolean;
  /** Takes the place of the text of every Packages file. */
  readonly packagesText?: string;
}

/** A suite's files by their path below the archive's root, and the text that is to be signed. */
export interface MadeSuite {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly release: string;
}

/** The indices, packages and Release text of a suite; the same bytes for the same `spec`. Debian repository format. */
export async function makeSuite(spec: SuiteSpec): Promise<MadeSuite> {
  const { suite, codename = suite, architectures = ["amd64"], packings = ["xz", "gz"], byHash = true } = spec;
  const files = new Map<string, Buffer>();
  const lines: string[] = [];
  for (const architecture of architectures) {
    const fitting = spec.packages.filter((one) => one.architecture === architecture || one.architecture === "all");
    const text = Buffer.from(spec.packagesText ?? fitting.map(stanzaOf).join("\n"));
    const name = `main/binary-${architecture}/Packages`;
    lines.push(line(text, name));
    for (const packing of packings) {
      const packed = await pack(text, packing);
      const path = `${name}${ending(packing)}`;
      if (packing !== "none") lines.push(line(packed, path));
      files.set(`dists/${suite}/${path}`, packed);
      if (byHash) files.set(`dists/${suite}/${dirname(path)}/by-hash/SHA256/${hex("sha256", packed)}`, packed);
    }
  }
  for (const { filename, bytes } of spec.packages) files.set(filename, bytes);
  const release = [
    "Origin: Made up",
    `Suite: ${suite}`,
    `Codename: ${codename}`,
    `Date: ${new Date(spec.date).toUTCString().replace("GMT", "UTC")}`,
    ...(spec.validUntil === undefined
      ? []
      : [`Valid-Until: ${new Date(spec.validUntil).toUTCString().replace("GMT", "UTC")}`]),
    ...(byHash ? ["Acquire-By-Hash: yes"] : []),
    `Architectures: ${architectures.join(" ")}`,
    "Components: main",
    "SHA256:",
    ...lines,
    "",
  ].join("\n");
  files.set(`dists/${suite}/Release`, Buffer.from(release));
  return { files, release };
}

/** A key that signs archives, made now. Of a kind that every gpgv knows. */
export async function makeArchiveKey(
  options: { created?: Instant; lifetimeSeconds?: number } = {},
): Promise<PrivateKey> {
  const { privateKey } = await generateKey({
    type: "ecc",
    curve: "ed25519Legacy",
    userIDs: [{ name: "Made up archive key", email: "archive@example.invalid" }],
    date: new Date(options.created ?? Date.UTC(2020, 0, 1)),
    ...(options.lifetimeSeconds === undefined ? {} : { keyExpirationTime: options.lifetimeSeconds }),
    format: "armored",
  });
  return readPrivateKey({ armoredKey: privateKey });
}

/** The bytes of the public half, as a keyring has them. */
export function publicKeyOf(key: PrivateKey): Uint8Array {
  return key.toPublic().write();
}

/** `text` clear-signed by `keys`: an InRelease file. The same bytes for the same arguments. RFC 9580, section 7. */
export async function clearSign(text: string, keys: readonly PrivateKey[], date: Instant): Promise<Buffer> {
  const message = await createCleartextMessage({ text });
  const config = { nonDeterministicSignaturesViaNotation: false, showVersion: false, showComment: false };
  const signed = await sign({ message, signingKeys: [...keys], date: new Date(date), config });
  return Buffer.from(signed.replaceAll("\r\n", "\n"));
}

function stanzaOf({ bytes, filename, controlText }: MadeDeb): string {
  const [md5, sha256] = [hex("md5", bytes), hex("sha256", bytes)];
  return `${controlText}\nFilename: ${filename}\nSize: ${bytes.length}\nMD5sum: ${md5}\nSHA256: ${sha256}\n`;
}

function line(bytes: Buffer, path: string): string {
  return ` ${hex("sha256", bytes)} ${String(bytes.length).padStart(8)} ${path}`;
}

function hex(algorithm: "md5" | "sha256", bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest("hex");
}
