import { createHash } from "node:crypto";
import { sha256 } from "../../../lib/index.ts";
import type { LayerEntry, LayerFacts } from "../layer-facts.ts";

export type Sketch = Omit<Partial<LayerEntry>, "content"> & { readonly path: string; readonly text?: string };

/** A layer's facts from a short sketch: a path with `link` is a symlink, with a trailing slash a folder, else a file. */
export function makeLayer(name: string, sketch: readonly Sketch[], hide: Partial<LayerFacts> = {}): LayerFacts {
  return {
    diffId: sha256(name),
    unpacked: 0,
    entries: sketch.map(makeEntry),
    whiteouts: [],
    opaques: [],
    problems: [],
    ...hide,
  };
}

function makeEntry({ text, ...given }: Sketch): LayerEntry {
  const isFolder = given.path.endsWith("/");
  const type = given.type ?? (isFolder ? "directory" : given.link === undefined ? "file" : "symlink");
  const content = Buffer.from(text ?? "");
  return {
    mode: isFolder ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size: content.length,
    ...(type === "file"
      ? {
          content,
          sha256: createHash("sha256").update(content).digest("hex"),
          md5: createHash("md5").update(content).digest("hex"),
        }
      : {}),
    ...given,
    path: given.path.replace(/\/$/, ""),
    type,
  };
}
