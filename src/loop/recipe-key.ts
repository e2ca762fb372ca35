import { createHash } from "node:crypto";
import { effectiveImage, recipeKey } from "../core/config/index.ts";
import { sha256, type Digest } from "../lib/index.ts";
import type { Context } from "./context.ts";
import { readImageFiles } from "./files.ts";
import { hasSource, loadSource } from "./sources.ts";

/** The recipe key of an image as the configuration and its files are now. Throws what reading them throws. */
export async function currentRecipeKey(ctx: Context, name: string): Promise<string> {
  const image = ctx.config.images[name];
  if (image !== undefined && hasSource(image)) {
    const { key } = await loadSource(ctx.config, name, ctx.sources, ctx.signal);
    return recipeKey(ctx.config, name, [key]);
  }
  const digests: Digest[] = [];
  for (const file of effectiveImage(ctx.config, name)?.files ?? []) {
    const hash = createHash("sha256");
    for (const one of await readImageFiles(ctx.home, file))
      hash.update(`${one.path}\0${one.mode}\0${sha256(one.content ?? "")}\n`);
    digests.push(`sha256:${hash.digest("hex")}`);
  }
  return recipeKey(ctx.config, name, digests);
}
