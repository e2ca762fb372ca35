import type { ImageSource } from "../../core/image/index.ts";
import { lookup } from "../../core/inventory/index.ts";
import { TarParser, type TarSink } from "../../core/layer/index.ts";
import { decompress } from "./decompress.ts";
import { defaultLayerLimits } from "./limits.ts";
import { normalizePath } from "./normalize-path.ts";
import type { PlatformImage } from "./read-image.ts";

/** What a file of an image holds, or why it was not read. */
export type FileContent = { readonly bytes: Uint8Array } | { readonly problem: string };

const largestFile = 16 * 1_048_576;
const mostBytes = 64 * 1_048_576;

/**
 * What files of an image hold, by absolute paths; links are followed inside the image, and what is no file is left out. Each layer that brought one is streamed once, and nothing is unpacked. One that is larger than 16 MiB, or beyond 64 MiB
 * in all, is not read. Throws what reading a layer throws.
 */
export async function readFiles(
  source: ImageSource,
  { tree, parsed }: PlatformImage,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, FileContent>> {
  const found = new Map<string, FileContent>();
  const wanted = new Map<number, Map<string, string[]>>();
  let left = mostBytes;
  for (const path of new Set(paths)) {
    const at = lookup(tree, path, true);
    if (at.kind !== "found") continue;
    const { entry, layer } = at.node;
    if (entry.type !== "file" && entry.type !== "hardlink") continue;
    if (entry.size > largestFile || entry.size > left) {
      found.set(path, { problem: `it has ${entry.size} bytes, too many to be read` });
      continue;
    }
    left -= entry.size;
    const inLayer = wanted.get(layer) ?? new Map<string, string[]>();
    const own = entry.type === "hardlink" ? (entry.link ?? entry.path) : entry.path;
    inLayer.set(own, [...(inLayer.get(own) ?? []), path]);
    wanted.set(layer, inLayer);
  }
  for (const [layer, files] of wanted) {
    const descriptor = parsed.layers[layer];
    if (descriptor === undefined) continue;
    const what = `layer ${descriptor.digest} of ${source.name}`;
    const sink = collectFiles(new Set(files.keys()));
    const parser = new TarParser(sink, what);
    for await (const chunk of decompress(source.blob(descriptor, signal), descriptor.size, defaultLayerLimits, what)) {
      signal?.throwIfAborted();
      parser.push(chunk);
    }
    parser.finish();
    for (const [own, asked] of files) {
      const bytes = sink.contents.get(own);
      for (const path of asked)
        found.set(path, bytes === undefined ? { problem: "its layer does not hold it" } : { bytes });
    }
  }
  return found;
}

/** Keeps the content of some members of an archive; of those that come more than once the last. */
function collectFiles(paths: ReadonlySet<string>): TarSink & { readonly contents: ReadonlyMap<string, Buffer> } {
  const contents = new Map<string, Buffer>();
  let current: { readonly path: string; readonly pieces: Buffer[] } | undefined;
  return {
    contents,
    begin: (header) => {
      const path = normalizePath(header.path, defaultLayerLimits.pathLength);
      // Its name alone says which it is; how large it may be was looked at before.
      const isWanted =
        path.kind === "path" && paths.has(path.path) && header.size <= largestFile && header.flag === "0";
      current = isWanted ? { path: path.path, pieces: [] } : undefined;
    },
    data: (chunk) => void current?.pieces.push(Buffer.from(chunk)),
    end: () => {
      if (current !== undefined) contents.set(current.path, Buffer.concat(current.pieces));
      current = undefined;
    },
  };
}
