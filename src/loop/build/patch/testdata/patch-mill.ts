import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tarFile, tarTrailer, type EntryKind } from "../../../../core/layer/index.ts";
import { mediaTypes, type Descriptor, type ImageConfig, type Platform, type RawManifest } from "../../../../core/image/index.ts";
import { lookup, readInventory, type Inventory, type Tree } from "../../../../core/inventory/index.ts";
import type { PatchPolicy } from "../../../../core/patch/index.ts";
import { createUniverse, type PackageRecord, type PackageUniverse } from "../../../../core/packages/index.ts";
import { createImageReader, createLayerStore, type ImageReader } from "../../../../io/layer/index.ts";
import { canonicalJson, sha256, type Digest } from "../../../../lib/index.ts";
import { createMill, flatten, requestOf, type Mill, type Seen } from "../../testdata/mill.ts";
import { createPatcher, type PatchOutcome } from "../../index.ts";

/** An entry of a layer that is written by hand; a file where nothing else is said. */
export interface Written {
  readonly path: string;
  readonly kind?: EntryKind;
  readonly link?: string;
  readonly content?: string;
  readonly mode?: number;
}

/** A mill that makes originals and patches them. */
export interface PatchMill extends Mill {
  readonly images: ImageReader;
  /** An image assembled of these packages, with os-release, and dpkg where `dpkg` says so. */
  original(packages: readonly PackageRecord[], dpkg: boolean, files?: readonly Written[]): Promise<Digest>;
  /** An image of one layer written by hand. */
  write(entries: readonly Written[], change?: WrittenImage): Promise<Digest>;
  patch(digest: Digest, offers: readonly PackageRecord[], change?: PatchChangeable): Promise<PatchOutcome>;
  inventory(digest: Digest): Promise<Inventory>;
  /** Merged as a container sees it, whiteouts followed. */
  tree(digest: Digest): Promise<Tree>;
  /** Entries of the topmost layer. */
  top(digest: Digest): Promise<Map<string, Seen>>;
  /** Text of a file, of whichever layer has it last. */
  text(digest: Digest, path: string): Promise<string>;
}

export interface PatchChangeable {
  readonly policy?: Partial<PatchPolicy>;
  readonly platforms?: readonly Platform[];
}

export interface WrittenImage {
  readonly config?: Partial<ImageConfig>;
  readonly manifest?: object;
  readonly mediaType?: string;
}

export const osRelease = "ID=debian\nVERSION_CODENAME=bookworm\n";

export async function createPatchMill(): Promise<PatchMill> {
  const mill = await createMill();
  const images = createImageReader(createLayerStore(join(mill.cacheDir, "facts")));
  const system = await mill.put({ name: "base-files", version: "12", entries: [{ path: "etc/os-release", content: osRelease }] });
  const dpkg = await mill.put({
    name: "dpkg",
    version: "1.21",
    entries: [
      { path: "usr/bin/dpkg", content: "dpkg" },
      { path: "usr/bin/touch", content: "touch" },
    ],
  });

  return {
    ...mill,
    images,
    original: async (packages, withDpkg, files = []) => {
      const all = [system, ...(withDpkg ? [dpkg] : []), ...packages];
      const placed = files.map(({ path, content = "", mode = 0o644 }) => ({
        path: `/${path}`,
        mode,
        uid: 0,
        gid: 0,
        content: Buffer.from(content),
      }));
      const request = requestOf(all, { files: placed, run: { user: "1000", entrypoint: ["/usr/bin/tool"] } });
      return (await mill.assembler().assemble(request, mill.layout)).digest;
    },
    write: async (entries, { config = {}, manifest = {}, mediaType = mediaTypes.manifest } = {}) => {
      const shape = { uid: 0, gid: 0, mtime: 0 };
      const parts = entries.map(({ path, kind = "file", link, content = "", mode = kind === "directory" ? 0o755 : 0o644 }) =>
        tarFile({ ...shape, path, kind, mode, ...(link === undefined ? {} : { link }) }, content),
      );
      const tar = Buffer.concat([...parts, tarTrailer]);
      const put = async (bytes: Buffer, type: string): Promise<Descriptor> => {
        const descriptor = { mediaType: type, digest: sha256(bytes), size: bytes.length };
        await mill.layout.putBlob(descriptor, () => once(bytes));
        return descriptor;
      };
      const isDocker = mediaType === mediaTypes.dockerManifest;
      const layer = await put(gzipSync(tar), isDocker ? mediaTypes.dockerLayerGzip : mediaTypes.layerGzip);
      const settings: ImageConfig = {
        os: "linux",
        architecture: "amd64",
        rootfs: { type: "layers", diff_ids: [sha256(tar)] },
        ...config,
      };
      const described = await put(Buffer.from(JSON.stringify(settings)), isDocker ? mediaTypes.dockerConfig : mediaTypes.config);
      const raw = documentOf({ schemaVersion: 2, mediaType, config: described, layers: [layer], ...manifest }, mediaType);
      await mill.layout.putManifest(raw);
      return raw.digest;
    },
    patch: (digest, offers, { policy = {}, platforms } = {}) => {
      const patcher = createPatcher({
        images,
        cacheDir: mill.cacheDir,
        fetchPackage: (record) => mill.fetch(record),
        universeFor: ({ architecture }) => Promise.resolve(universeOf(offers, architecture)),
      });
      return patcher.patchImage({
        source: mill.layout,
        digest,
        name: "registry.example/owner/app",
        sink: mill.layout,
        platforms,
        policy: { changedConffile: "keep", ...policy },
      });
    },
    inventory: async (digest) => {
      const [first] = (await images.read(mill.layout, digest)).platforms;
      if (first === undefined) throw new Error("no platform");
      return readInventory(first.tree, first.platform);
    },
    tree: async (digest) => {
      const [first] = (await images.read(mill.layout, digest)).platforms;
      if (first === undefined) throw new Error("no platform");
      return first.tree;
    },
    top: async (digest) => (await mill.read(digest)).layers.at(-1) ?? new Map<string, Seen>(),
    text: async (digest, path) => flatten((await mill.read(digest)).layers).get(path)?.text ?? "",
  };
}

/** What a suite with these packages offers. */
export function universeOf(offers: readonly PackageRecord[], architecture = "amd64"): PackageUniverse {
  const text = offers.map(
    ({ stanza, filename, size, sha256: digest }) =>
      `${stanza}\nFilename: ${filename}\nSize: ${size}\nSHA256: ${digest.slice(7)}\n\n`,
  );
  return createUniverse(architecture, [{ origin: "bookworm-security", bytes: Buffer.from(text.join("")) }]);
}

/** A manifest or index of these fields. */
export function documentOf(fields: object, mediaType: string): RawManifest {
  const bytes = Buffer.from(canonicalJson(fields));
  return { digest: sha256(bytes), mediaType, bytes };
}

/** What stands at a path of a tree: its kind and link, or undefined. */
export function at(tree: Tree, path: string): string | undefined {
  const found = lookup(tree, path, false);
  return found.kind === "found" ? `${found.node.entry.type}${found.node.entry.link === undefined ? "" : ` ${found.node.entry.link}`}` : undefined;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
