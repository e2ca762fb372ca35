import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDistro, type Distro, type SuiteSource } from "../src/io/distro/index.ts";
import { systemClock } from "../src/lib/index.ts";
import { createDebianArchive } from "../test/fakes/debian-archive.ts";
import { makeAr, makeDeb, type DebEntry, type MadeDeb, type Packing } from "../test/fakes/make-deb.ts";

/** A package to be made; the same bytes for the same description. */
export interface PackageSpec {
  readonly name: string;
  readonly version: string;
  /** Bytes of its files together. */
  readonly unpacked: number;
  readonly files: number;
  readonly depends?: string;
  /** Its own name without it. */
  readonly source?: string;
  readonly packing?: Packing;
}

/** A signed archive on loopback with a release as large as Debian's and its security suite, and the distro that watches both. */
export interface MadeArchive {
  readonly folder: string;
  readonly distro: Distro;
  /** Another distro on the same folder, for what is to leave nothing in the memory of the first. */
  readonly stranger: Distro;
  /** The release, then the security suite. */
  readonly sources: readonly SuiteSource[];
  publishRelease(debs: readonly MadeDeb[]): Promise<void>;
  /** Makes the security suite newer and takes it in; only its index changes. */
  publishSecurity(debs: readonly MadeDeb[]): Promise<void>;
  remove(): Promise<void>;
}

const start = Date.now() - 10 * 86_400_000;

/** An archive whose release has `filler` stanzas of packages that nobody asks for, beside those that are published. */
export async function createMadeArchive(filler: number): Promise<MadeArchive> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-bench-"));
  const archive = await createDebianArchive();
  const createOne = (): Distro => createDistro({ dir: join(folder, "distro"), clock: systemClock });
  const [distro, stranger] = [createOne(), createOne()];
  const sources = ["mill", "mill-security"].map((suite) => archive.source(suite));
  let day = 0;

  async function publish(source: SuiteSource | undefined, debs: readonly MadeDeb[], more: string): Promise<void> {
    if (source === undefined) throw new Error("there is no such suite");
    day += 1;
    const packagesText = [...debs.map(stanzaOf), more].join("\n");
    const date = start + day * 3_600_000;
    await archive.publish({ suite: source.suite, date, packages: debs, packings: ["gz"], packagesText });
    await distro.refresh(source);
  }

  return {
    folder,
    distro,
    stranger,
    sources,
    publishRelease: (debs) => publish(sources[0], debs, fillerText(filler)),
    // A security suite in the middle of a release's life has some thousand stanzas.
    publishSecurity: (debs) => publish(sources[1], debs, fillerText(Math.ceil(filler / 20), "fixed-")),
    remove: async () => {
      await archive.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The .deb of a package whose files look to a compressor as programs and libraries do. `xz` is packed by the xz program, as dpkg does; without it by gzip. */
export async function makePackage(spec: PackageSpec): Promise<MadeDeb> {
  const { name, version, unpacked, files, depends, source, packing = "xz" } = spec;
  const bytes = makeProgramBytes(unpacked, `${name} ${version}`);
  // One file has half of it all, as a library has in its package.
  const rest = Math.floor(unpacked / 2 / Math.max(1, files - 1));
  let at = unpacked - rest * (files - 1);
  const entries: DebEntry[] = [{ path: `usr/lib/x86_64-linux-gnu/${name}.so.1`, content: bytes.subarray(0, at) }];
  for (let file = 1; file < files; file += 1) {
    entries.push({ path: `usr/share/${name}/part-${file}`, content: bytes.subarray(at, at + rest) });
    at += rest;
  }
  const fields = {
    ...(source === undefined ? {} : { Source: source }),
    ...(depends === undefined ? {} : { Depends: depends }),
    "Installed-Size": `${unpacked >> 10}`,
  };
  const md5sums = entries.map(
    ({ path, content = "" }) => `${createHash("md5").update(content).digest("hex")}  ${path}\n`,
  );
  const deb = { name, version, entries, fields, members: { md5sums: md5sums.join("") } };
  if (packing !== "xz") return makeDeb({ ...deb, packing });
  return packWithXz(await makeDeb({ ...deb, packing: "none" })) ?? makeDeb({ ...deb, packing: "gz" });
}

/** Undefined where there is no xz program. The library that unpacks xz here can only store. */
function packWithXz(deb: MadeDeb): MadeDeb | undefined {
  const members: [name: string, bytes: Uint8Array][] = [];
  // ar(5): eight bytes of magic, then a header of 60 before each member, which is padded to an even length.
  for (let at = 8; at < deb.bytes.length;) {
    const name = deb.bytes.toString("latin1", at, at + 16).trim();
    const size = Number(deb.bytes.toString("latin1", at + 48, at + 58));
    const bytes = deb.bytes.subarray(at + 60, at + 60 + size);
    at += 60 + size + (size % 2);
    if (!name.endsWith(".tar")) {
      members.push([name, bytes]);
      continue;
    }
    const { status, stdout } = spawnSync("xz", ["-6", "-c"], { input: bytes, maxBuffer: 2 ** 30 });
    if (status !== 0) return undefined;
    members.push([`${name}.xz`, stdout]);
  }
  return { ...deb, bytes: makeAr(members) };
}

/** Bytes that gzip packs to two fifths, as it does libraries: words that come again, with noise between them. Far words are other words, or xz would win by much more than it does. */
function makeProgramBytes(size: number, seed: string): Buffer {
  const random = createRandom(seed);
  const word = (): Buffer => Buffer.from(Array.from({ length: 4 + (random() % 12) }, () => random() & 255));
  const words = Array.from({ length: 1500 }, word);
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size;) {
    const share = random() / 4_294_967_296;
    const place = Math.floor(share ** 3 * words.length);
    at += words[place]?.copy(bytes, at) ?? 0;
    if (random() % 12 === 0 && at < size) bytes[at++] = random() & 255;
    if (random() % 8 === 0) words[place] = word();
  }
  return bytes;
}

/** xorshift32, from 0 to 2^32. */
function createRandom(seed: string): () => number {
  let state = createHash("sha256").update(seed).digest().readUInt32LE(0) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function stanzaOf({ bytes, filename, controlText }: MadeDeb): string {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return `${controlText}\nFilename: ${filename}\nSize: ${bytes.length}\nSHA256: ${sha256}\n`;
}

/** Stanzas of the length that Debian's have. */
function fillerText(count: number, prefix = "other-"): string {
  const describe = (at: number): string => {
    const name = `${prefix}${at}`;
    const near = (step: number): string => `${prefix}${(at * 31 + step * 7919) % count} (>= 1.${at % 9})`;
    return [
      `Package: ${name}`,
      `Source: ${prefix}source-${at >> 1}`,
      `Version: 1.${at % 10}.${at % 7}-${1 + (at % 3)}`,
      `Installed-Size: ${100 + (at % 5000)}`,
      "Maintainer: Nobody in particular <nobody@example.invalid>",
      "Architecture: amd64",
      ...(at % 12 === 0 ? [`Provides: ${prefix}virtual-${at % 997}`] : []),
      `Depends: ${[1, 2, 3, 4].map(near).join(", ")}`,
      "Description: one of the many packages that are there and not asked for",
      `Homepage: https://example.invalid/projects/${name}`,
      `Description-md5: ${String(at).padStart(32, "0")}`,
      "Tag: devel::library, implemented-in::c, role::shared-lib, use::converting, works-with::text",
      "Section: libs",
      "Priority: optional",
      `Filename: pool/main/o/${name}/${name}_1.${at % 10}.${at % 7}-1_amd64.deb`,
      `Size: ${20_000 + at}`,
      `SHA256: ${String(at).padStart(64, "0")}`,
      "",
    ].join("\n");
  };
  return Array.from({ length: count }, (_, at) => describe(at)).join("\n");
}
