import type { Config } from "./core/config/index.ts";
import type { RegistryServer } from "./io/registry/index.ts";
import { repositoryName } from "./loop/context.ts";
import type { ServerOptions } from "./serve/index.ts";

/** The embedded registry as its guard sees it: whose the repositories are, and which tags Tidemill moves itself. */
export function servedRegistry(
  config: Config,
  { handler }: Pick<RegistryServer, "handler">,
): NonNullable<ServerOptions["registry"]> {
  const images = new Map(Object.keys(config.images).map((image) => [repositoryName(config, image), image]));
  const pointed = Object.values(config.deployments).flatMap(({ tag }) => tag?.tag ?? []);
  const own = new Set([...config.environments.map(({ name }) => name), ...pointed]);
  return {
    handler,
    anonymousPull: config.server.registry.anonymousPull,
    imageOf: (repository) => images.get(repository),
    isOwnTag: (tag) => own.has(tag) || tag.startsWith("keep-"),
  };
}
