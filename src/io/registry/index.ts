export { RegistryError } from "./error.ts";
export { createRegistryServer, type RegistryServer } from "./server/create-registry-server.ts";
export {
  createRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
} from "./client/create-registry-client.ts";
export type { BudgetLeft } from "./client/registry-budget.ts";
export { guardedConnector, isReachable } from "./client/address-guard.ts";
export { dockerCredentials, type CredentialSource } from "./client/credentials.ts";
export type { Repository } from "./client/repository.ts";
export { copyImage } from "./copy-image.ts";
export {
  createTagAsker,
  type TagAnswer,
  type TagAsker,
  type TagAskerOptions,
  type TagName,
} from "./client/create-tag-asker.ts";
export { openDockerArchive } from "./open-docker-archive.ts";
export { openImage } from "./open-image.ts";
export { isLayout, openLayout, type Layout } from "./open-layout.ts";
export { writeDockerArchive } from "./write-docker-archive.ts";
