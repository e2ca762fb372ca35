import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { TarParser, type EntryKind } from "../../../core/layer/index.ts";
import { parseManifest, type Descriptor, type ImageConfig, type ImageSink } from "../../../core/image/index.ts";
import type { PackageRecord } from "../../../core/packages/index.ts";
import { openLayout, type Layout } from "../../../io/registry/index.ts";
import { collectBytes, sha256, type Digest } from "../../../lib/index.ts";
import { makeDeb, type DebSpec } from "../../../../test/fakes/make-deb.ts";
import { createAssembler, type Assembler, type AssembleRequest, type AssemblerDeps } from "../index.ts";

/** An entry as an image shows it. */
export interface Seen {
  readonly kind: EntryKind | "other";
  readonly mode: number;
  readonly uid: number;
  readonly link: string;
  readonly text: string;
}

/** A folder with packages, a cache and a layout that images go to. */
export interface Mill {
  readonly cacheDir: string;
  readonly layout: Layout;
  /** Packages that were asked for, by name. */
  readonly fetched: string[];
  /** Makes a package; `size` is what the index says of its file, which decides about a layer of its own. */
  put(spec: DebSpec & { readonly size?: number }): Promise<PackageRecord>;
  /** The path of a package's file; empty where it was not made here. */
  fetch(record: PackageRecord): Promise<string>;
  assembler(change?: Partial<AssemblerDeps>): Assembler;
  /** The config, and the entries of each layer, the lowest first. */
  read(digest: Digest): Promise<{ config: ImageConfig; layers: Map<string, Seen>[]; blobs: readonly Descriptor[] }>;
  remove(): Promise<void>;
}

export const largeSize = 5_000_000;

/** A request for one platform. */
export function requestOf(
  packages: readonly PackageRecord[],
  change: Partial<AssembleRequest> & { readonly lineage?: readonly (readonly string[])[] } = {},
): AssembleRequest {
  const { lineage = [], ...rest } = change;
  const platform = { os: "linux", architecture: "amd64" };
  return {
    image: "web",
    platforms: [{ platform, packages, lineage }],
    files: [],
    run: {},
    accounts: [],
    annotations: {},
    ...rest,
  };
}

export async function createMill(): Promise<Mill> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-build-"));
  const layout = await openLayout(join(folder, "layout"), { create: true });
  const cacheDir = join(folder, "cache");
  const fetched: string[] = [];
  const paths = new Map<string, string>();

  return {
    cacheDir,
    layout,
    fetched,
    put: async ({ size, ...spec }) => {
      const deb = await makeDeb({ packing: "none", ...spec });
      const digest = sha256(deb.bytes);
      const path = join(folder, `${digest.slice(7)}.deb`);
      await writeFile(path, deb.bytes);
      paths.set(digest, path);
      const { name, version } = spec;
      const source = spec.fields?.["Source"] ?? name;
      return {
        name,
        version,
        source,
        sourceVersion: version,
        architecture: deb.architecture,
        multiArch: "no",
        essential: false,
        priority: "optional",
        origin: "test",
        filename: deb.filename,
        size: size ?? deb.bytes.length,
        sha256: digest,
        stanza: deb.controlText,
      };
    },
    fetch: (record) => Promise.resolve(paths.get(record.sha256) ?? ""),
    assembler: (change = {}) =>
      createAssembler({
        cacheDir,
        fetchPackage: (record) => {
          fetched.push(record.name);
          return Promise.resolve(paths.get(record.sha256) ?? "");
        },
        allocateAccounts: (names) => Promise.resolve(new Map(names.map((name, at) => [name, { uid: 200 + at, gid: 200 + at }]))),
        ...change,
      }),
    read: async (digest) => {
      const raw = await layout.manifest(digest);
      if (raw === undefined) throw new Error(`${digest} is not in the layout`);
      const manifest = parseManifest(raw.bytes, raw.mediaType);
      const bytesOf = (blob: Descriptor): Promise<Buffer> => collectBytes(layout.blob(blob), 2 ** 30, "a layer");
      const config = JSON.parse((await bytesOf(manifest.config)).toString("utf8")) as ImageConfig;
      const layers: Map<string, Seen>[] = [];
      for (const [at, blob] of manifest.layers.entries()) {
        const tar = gunzipSync(await bytesOf(blob));
        if (sha256(tar) !== config.rootfs.diff_ids[at]) throw new Error(`the diff ID of layer ${at} is not that of its bytes`);
        layers.push(readTar(tar));
      }
      return { config, layers, blobs: manifest.layers };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What a container would see: of a path that several layers have, the last one's. */
export function flatten(layers: readonly Map<string, Seen>[]): Map<string, Seen> {
  return new Map(layers.flatMap((layer) => [...layer]));
}

/** Enough of them have a layer to themselves. */
const smallSize = 1_600_000;

/** Four small packages of four sources, and a large one. */
export async function putFleet(mill: Mill): Promise<PackageRecord[]> {
  return Promise.all([
    mill.put({ name: "alpha", version: "1-1", entries: [{ path: "usr/bin/alpha", content: "alpha 1" }] }),
    mill.put({ name: "beta", version: "1-1", size: smallSize, entries: [{ path: "bin/beta", content: "beta 1" }] }),
    mill.put({ name: "gamma", version: "1-1", size: smallSize, entries: [{ path: "etc/gamma", content: "gamma 1" }] }),
    mill.put({ name: "delta", version: "1-1", entries: [{ path: "usr/share/delta", content: "delta 1" }] }),
    mill.put({
      name: "big",
      version: "1-1",
      size: largeSize,
      entries: [{ path: "usr/lib/big", content: "b".repeat(5000) }],
    }),
  ]);
}

/** Refuses everything: nothing may come to it. */
export const noSink: ImageSink = {
  name: "none",
  putBlob: () => Promise.reject(new Error("a blob was pushed")),
  putManifest: () => Promise.reject(new Error("a manifest was pushed")),
};

const kinds: Readonly<Record<string, EntryKind>> = { "0": "file", "1": "hardlink", "2": "symlink", "5": "directory" };

/** Entries in their order; throws where one comes twice. */
function readTar(tar: Buffer): Map<string, Seen> {
  const seen = new Map<string, Seen>();
  let path = "";
  let pieces: Buffer[] = [];
  let entry: Omit<Seen, "text"> = { kind: "other", mode: 0, uid: 0, link: "" };
  const parser = new TarParser(
    {
      begin: (header) => {
        path = header.path.replace(/\/$/, "");
        if (seen.has(path)) throw new Error(`a layer has ${path} twice, which Docker refuses`);
        pieces = [];
        entry = { kind: kinds[header.flag] ?? "other", mode: header.mode, uid: header.uid, link: header.link };
      },
      data: (chunk) => void pieces.push(Buffer.from(chunk)),
      end: () => void seen.set(path, { ...entry, text: Buffer.concat(pieces).toString("utf8") }),
    },
    "a layer",
  );
  parser.push(tar);
  parser.finish();
  return seen;
}
