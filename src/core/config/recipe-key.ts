import { canonicalJson, digestHex, sha256, type Digest } from "../../lib/index.ts";
import type { Config } from "./schema.ts";

/**
 * What makes an image's bytes beside the packages that its suites offer: equal keys, equal recipe. Checks, policies, the mirror, and which suites are open are not
 * in it: they decide when to build and what is offered, not how. `files` are the digests of what `files:` names, in its order.
 */
export function recipeKey(config: Config, name: string, files: readonly Digest[]): string {
  const image = config.images[name];
  if (image === undefined) return "";
  const { checks: _checks, repository: _repository, upstream, ...bytes } = image;
  const source = config.upstreams[upstream];
  const parent = image.parent === undefined ? null : { name: image.parent, roots: rootsOf(config, image.parent) };
  return digestHex(
    sha256(
      canonicalJson({
        ...bytes,
        files: image.files.map((file, at) => ({ ...file, content: files[at] })),
        parent,
        codename: source?.codename,
        components: source?.components,
      }),
    ),
  );
}

/** The packages that an image and all it is built on ask for, the lowest first, each once. */
export function rootsOf(config: Config, name: string): string[] {
  const image = config.images[name];
  if (image === undefined) return [];
  const below = image.parent === undefined ? [] : rootsOf(config, image.parent);
  return [...new Set([...below, ...image.packages])];
}
