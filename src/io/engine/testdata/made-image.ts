import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import {
  describeManifest,
  mediaTypes,
  parseManifest,
  type Descriptor,
  type ImageConfig,
  type ImageManifest,
  type ImageSource,
} from "../../../core/image/index.ts";
import { collectBytes, sha256 } from "../../../lib/index.ts";
import { realPackages } from "../../../loop/build/testdata/real-packages.ts";

const run = promisify(execFile);

/** An image in memory, and how often each of its blobs was read. */
export interface MadeImage {
  readonly source: ImageSource;
  readonly manifest: ImageManifest;
  readonly reads: ReadonlyMap<string, number>;
}

/** What a file of a layer is: its bytes, or what it links to. */
export type MadeFile = Buffer | { readonly link: string };

/** An image of one layer for each set of files by path, all of them executable. */
export async function makeImage(
  layers: readonly Readonly<Record<string, MadeFile>>[],
  config: ImageConfig["config"] = {},
): Promise<MadeImage> {
  const blobs = new Map<string, Buffer>();
  const reads = new Map<string, number>();
  const put = (bytes: Buffer, mediaType: string): Descriptor => {
    const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
    blobs.set(descriptor.digest, bytes);
    return descriptor;
  };
  const tars = await Promise.all(layers.map(makeTar));
  const descriptors = tars.map((tar) => put(gzipSync(tar, { level: 1 }), mediaTypes.layerGzip));
  const document: ImageConfig = {
    os: "linux",
    architecture: "amd64",
    config,
    rootfs: { type: "layers", diff_ids: tars.map((tar) => sha256(tar)) },
    // Without it Buildah can put nothing on top.
    history: tars.map(() => ({ created_by: "made" })),
  };
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: put(Buffer.from(JSON.stringify(document)), mediaTypes.config),
      layers: descriptors,
    }),
  );
  const raw = { digest: sha256(bytes), mediaType: mediaTypes.manifest, bytes };
  const source: ImageSource = {
    name: "memory",
    manifest: () => Promise.resolve(raw),
    blob: async function* ({ digest }) {
      reads.set(digest, (reads.get(digest) ?? 0) + 1);
      const blob = blobs.get(digest);
      if (blob === undefined) throw new Error(`${digest} is not part of ${describeManifest(raw).digest}`);
      yield await Promise.resolve(blob);
    },
  };
  return { source, manifest: parseManifest(bytes, raw.mediaType), reads };
}

/** A static program that is a whole shell with its tools: Debian's busybox-static. */
export async function fetchBusybox(): Promise<Buffer> {
  const real = await realPackages(["bookworm"]);
  const [record] = real.resolve(["busybox-static"]).filter(({ name }) => name === "busybox-static");
  if (record === undefined) throw new Error("Debian has no busybox-static");
  const options = { encoding: "buffer", maxBuffer: 64 << 20 } as const;
  const command = `dpkg-deb --fsys-tarfile "$1" | tar -xO ./bin/busybox`;
  const { stdout } = await run("/bin/sh", ["-ec", command, "sh", await real.fetch(record)], options);
  return stdout;
}

function makeTar(files: Readonly<Record<string, MadeFile>>): Promise<Buffer> {
  const tar = pack();
  const mtime = new Date(0);
  for (const [name, file] of Object.entries(files))
    if ("link" in file) tar.entry({ name, mtime, type: "symlink", linkname: file.link });
    else tar.entry({ name, mtime, mode: 0o755 }, file);
  tar.finalize();
  return collectBytes(tar as AsyncIterable<Uint8Array>, 2 ** 28, "a test's layer");
}
