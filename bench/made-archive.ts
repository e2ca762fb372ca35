import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDistro, type Distro, type SuiteSource } from "../src/io/distro/index.ts";
import { systemClock } from "../src/lib/index.ts";
import { createDebianArchive } from "../test/fakes/debian-archive.ts";
import { makeDeb, type DebEntry, type MadeDeb, type Packing } from "../test/fakes/make-deb.ts";

/** A package to be made; the same bytes for the same description. */
export interface PackageSpec {
  readonly name: string;
  readonly version: string;
  /** Bytes of its files together. */
  readonly unpacked: number;
  readonly files: number;
  readonly depends?: string;
  readonly packing?: Packing;
}

/** A signed archive on loopback with a release as large as Debian's and its security suite, and the distro that watches both. */
export interface MadeArchive {
  readonly folder: string;
  readonly distro: Distro;
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
  const distro = createDistro({ dir: join(folder, "distro"), clock: systemClock });
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

/** The .deb of a package whose files look to a compressor as programs and libraries do. */
export function makePackage({
  name,
  version,
  unpacked,
  files,
  depends,
  packing = "xz",
}: PackageSpec): Promise<MadeDeb> {
  const bytes = makeProgramBytes(unpacked, `${name} ${version}`);
  // One file has half of it all, as a library has in its package.
  const rest = Math.floor(unpacked / 2 / Math.max(1, files - 1));
  let at = files === 1 ? unpacked : unpacked - rest * (files - 1);
  const entries: DebEntry[] = [{ path: `usr/lib/x86_64-linux-gnu/${name}.so.1`, content: bytes.subarray(0, at) }];
  for (let file = 1; file < files; file += 1) {
    entries.push({ path: `usr/share/${name}/part-${file}`, content: bytes.subarray(at, at + rest) });
    at += rest;
  }
  const fields = { ...(depends === undefined ? {} : { Depends: depends }), "Installed-Size": `${unpacked >> 10}` };
  return makeDeb({ name, version, entries, packing, fields });
}

/** Bytes that gzip packs to a good third and xz to less: words that come again, the frequent ones often, with noise between them. */
function makeProgramBytes(size: number, seed: string): Buffer {
  const random = createRandom(seed);
  const words = Array.from({ length: 3000 }, () =>
    Buffer.from(Array.from({ length: 3 + (random() % 8) }, () => random() & 255)),
  );
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size;) {
    const share = random() / 4_294_967_296;
    const word = words[Math.floor(share * share * share * words.length)];
    if (word === undefined) throw new Error("there is no such word");
    at += word.copy(bytes, at);
    if (random() % 4 === 0 && at < size) bytes[at++] = random() & 255;
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
