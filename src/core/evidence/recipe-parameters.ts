import type { Config, ExternalImage } from "../config/index.ts";
import { pipelinePlace } from "../external/index.ts";

/**
 * What of an image's recipe stands in its provenance: all that decides about its bytes and can be seen in them. Left out is what may hold a secret: the values of build arguments and secrets, checks, and
 * who a Git address logs in as. Undefined for an image that is not declared.
 */
export function recipeParameters(config: Config, name: string): Readonly<Record<string, unknown>> | undefined {
  const image = config.images[name];
  if (image === undefined) return undefined;
  if (image.recipe === "packages") {
    const { checks: _checks, repository: _repository, ...rest } = image;
    return rest;
  }
  const { recipe, platforms, upstream } = image;
  const common = { recipe, platforms, ...(upstream === undefined ? {} : { upstream }) };
  if (image.recipe === "upstream") return { ...common, from: image.from, patch: image.patch };
  if (image.recipe === "external") return { ...common, ...externalParameters(image) };
  const { context, git, dockerfile, target, args, secrets, labels, network, rebase } = image;
  return {
    ...common,
    dockerfile,
    labels,
    network,
    rebase,
    args: Object.keys(args).sort(),
    secrets: Object.keys(secrets).sort(),
    ...(context === undefined ? {} : { context }),
    ...(target === undefined ? {} : { target }),
    ...(git === undefined ? {} : { git: { ...git, url: withoutLogin(git.url) } }),
  };
}

/** Whose pipeline builds it, and from what. */
function externalParameters(image: ExternalImage): Readonly<Record<string, unknown>> {
  const { bases, source } = image;
  const { git, args, ...from } = source ?? {};
  return {
    pipeline: pipelinePlace(image),
    bases,
    ...(source === undefined ? {} : { source: { ...from, args: Object.keys(args ?? {}).sort() } }),
    ...(git === undefined ? {} : { git: { ...git, url: withoutLogin(git.url) } }),
  };
}

/** An address without who logs in there. */
export function withoutLogin(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, "$1");
}
