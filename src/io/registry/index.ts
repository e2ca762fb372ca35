export { RegistryError, type RegistryCode } from "./error.ts";
export {
  createRegistryServer,
  type RegistryServer,
  type RegistryServerOptions,
} from "./server/create-registry-server.ts";
export type { Collected, GarbageOptions } from "./server/collect-garbage.ts";
export type { ServerLimits } from "./server/reply.ts";
