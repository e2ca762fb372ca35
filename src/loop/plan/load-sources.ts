import { messageOf } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { hasSource, loadSource, type ImageSource } from "../sources.ts";

/** The source of an image that has one, or why it cannot be had. */
export type FoundSource =
  { readonly kind: "found"; readonly source: ImageSource } | { readonly kind: "broken"; readonly reason: string };

/** The sources of all images that have one, by image. */
export async function loadSources(ctx: Context): Promise<Map<string, FoundSource>> {
  const found = new Map<string, FoundSource>();
  for (const [name, image] of Object.entries(ctx.config.images)) {
    if (!hasSource(image)) continue;
    try {
      found.set(name, { kind: "found", source: await loadSource(ctx.config, name, ctx.sources, ctx.signal) });
    } catch (error) {
      ctx.signal.throwIfAborted();
      found.set(name, { kind: "broken", reason: messageOf(error) });
    }
  }
  return found;
}
