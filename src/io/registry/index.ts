export { RegistryError, type RegistryCode } from "./error.ts";
export {
  createRegistryServer,
  type RegistryServer,
  type RegistryServerOptions,
} from "./server/create-registry-server.ts";
export type { Collected, GarbageOptions } from "./server/collect-garbage.ts";
export type { ServerLimits } from "./server/reply.ts";
export {
  createRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
} from "./client/create-registry-client.ts";
export { guardedConnector } from "./client/address-guard.ts";
export { dockerCredentials, type Credentials, type CredentialSource } from "./client/credentials.ts";
export type { Repository } from "./client/repository.ts";
export type { RequestStats } from "./client/transport.ts";
export { copyImage, type Copied, type CopyOptions } from "./copy-image.ts";
export { openDockerArchive, type DockerArchive } from "./open-docker-archive.ts";
export { openImage, type OpenedImage } from "./open-image.ts";
export { openLayout, type Layout } from "./open-layout.ts";
export { writeDockerArchive, type DockerArchiveWriter } from "./write-docker-archive.ts";
