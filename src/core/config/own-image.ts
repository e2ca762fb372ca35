import { parseReference } from "../image/index.ts";
import type { Config } from "./schema.ts";

/**
 * The image of this configuration that the Dockerfile of `self` means by `name` (its variables replaced); undefined where it is somebody else's. Own images are named by their repository, with
 * the registry that the configuration names before it, without a tag or with that of an environment. Throws BAD_REFERENCE where it names nothing.
 */
export function ownImage(config: Config, self: string, name: string): string | undefined {
  const { registry, repository, tag, digest } = parseReference(name);
  if (digest !== undefined) return undefined;
  if (tag !== undefined && !config.environments.some((one) => one.name === tag)) return undefined;
  const path = `${registry}/${repository}`;
  const isBare = !name.startsWith(`${registry}/`);
  for (const [image, declared] of Object.entries(config.images)) {
    if (image === self) continue;
    const own = declared.repository ?? image;
    if (config.registry.url !== undefined && path === `${config.registry.url}/${own}`) return image;
    if (config.registry.url === undefined && isBare && (repository === own || repository === `library/${own}`))
      return image;
  }
  return undefined;
}
