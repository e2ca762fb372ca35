import { canonicalJson, digestHex, sha256 } from "../../lib/index.ts";
import { effectiveImage, lineageOf, packagesImage } from "./effective-image.ts";
import { pipelinePlace } from "../external/index.ts";
import type { ExternalImage } from "./external-schema.ts";
import type { Config, DockerfileImage, UpstreamImage } from "./schema.ts";

/**
 * What makes an image's bytes beside the packages that its suites offer: equal keys, equal recipe. Checks, policies, the mirror, and which suites are open are not
 * in it: they decide when to build and what is offered, not how. `files` are the digests of what `files:` of the effective image names, in its order; for a Dockerfile and
 * for what a pipeline builds the one digest of its build context, or the commit that it is built from.
 */
export function recipeKey(config: Config, name: string, files: readonly string[]): string {
  const declared = config.images[name];
  if (declared !== undefined && declared.recipe !== "packages") return otherKey(declared, files);
  const image = effectiveImage(config, name);
  if (image === undefined) return "";
  const { checks: _checks, repository: _repository, upstream, ...bytes } = image;
  const source = config.upstreams[upstream];
  return digestHex(
    sha256(
      canonicalJson({
        ...bytes,
        // Where a file came from is nothing to the image.
        files: image.files.map((file, at) => ({ ...file, from: undefined, content: files[at] })),
        // Which ancestor brings a package decides about its layer.
        lineage: lineageOf(config, name).map((each) => packagesImage(config, each)?.packages ?? []),
        codename: source?.codename,
        components: source?.components,
      }),
    ),
  );
}

/** Where the source lies, what it is built with and within which limits does not make other bytes. */
function otherKey(image: DockerfileImage | UpstreamImage | ExternalImage, files: readonly string[]): string {
  if (image.recipe === "external") return externalKey(image, files);
  const { checks: _checks, repository: _repository, upstream: _upstream, ...bytes } = image;
  if (bytes.recipe === "upstream") {
    const { labels: _labels, ...mirrored } = bytes;
    return digestHex(sha256(canonicalJson(mirrored)));
  }
  const {
    context: _context,
    git,
    limits: _limits,
    rebase: _rebase,
    bump: _bump,
    report: _report,
    secrets,
    ...own
  } = bytes;
  return digestHex(
    sha256(canonicalJson({ ...own, subdirectory: git?.subdirectory, secrets: Object.keys(secrets).sort(), files })),
  );
}

/** Which pipeline builds it, and from what; not where its API is, nor by what token it is asked. */
function externalKey(image: ExternalImage, files: readonly string[]): string {
  const { recipe, platforms, source } = image;
  const place = pipelinePlace(image);
  const { context: _context, git, ...from } = source ?? {};
  return digestHex(
    sha256(
      canonicalJson({
        recipe,
        platforms,
        by: "api" in place ? { ...place, api: undefined } : place,
        source: { ...from, subdirectory: git?.subdirectory },
        files,
      }),
    ),
  );
}
