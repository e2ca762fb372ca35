export { DistroError } from "./error.ts";
export { parseDebFile, readDeb, type DebFile, type DebLimits } from "./read-deb.ts";
export type { Distro, Refreshed, SuiteGeneration, SuiteSource } from "./types.ts";
export { createDistro, type DistroOptions } from "./create-distro.ts";
export { defaultFetchLimits } from "./fetch-file.ts";
export {
  debianSources,
  findMirrors,
  shippedKeyring,
  type DebianSourcesRequest,
  type DebianSuite,
  type Mirrors,
} from "./debian-sources.ts";
export { verifyRelease } from "./verify-release.ts";
export { createArchiveServer, type ArchiveServer } from "./create-archive-server.ts";
export { shippedArchive, shippedSources } from "./shipped-archive.ts";
