import { canonicalJson, digestHex, sha256, type Digest } from "../../lib/index.ts";
import { effectiveImage, lineageOf } from "./effective-image.ts";
import type { Config } from "./schema.ts";

/**
 * What makes an image's bytes beside the packages that its suites offer: equal keys, equal recipe. Checks, policies, the mirror, and which suites are open are not
 * in it: they decide when to build and what is offered, not how. `files` are the digests of what `files:` of the effective image names, in its order.
 */
export function recipeKey(config: Config, name: string, files: readonly Digest[]): string {
  const image = effectiveImage(config, name);
  if (image === undefined) return "";
  const { checks: _checks, repository: _repository, upstream, ...bytes } = image;
  const source = config.upstreams[upstream];
  return digestHex(
    sha256(
      canonicalJson({
        ...bytes,
        files: image.files.map(({ from: _from, ...file }, at) => ({ ...file, content: files[at] })),
        // Which ancestor brings a package decides about its layer.
        lineage: lineageOf(config, name).map((each) => config.images[each]?.packages ?? []),
        codename: source?.codename,
        components: source?.components,
      }),
    ),
  );
}
