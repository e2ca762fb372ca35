export { TarError } from "./error.ts";
export { TarParser, type TarSink } from "./tar-parser.ts";
export type { TarHeader } from "./tar-header.ts";
export { BuildError } from "./error.ts";
export { PackageCollector, type RawEntry } from "./collect-package.ts";
export { describePackage } from "./describe-package.ts";
export { generatedTime, infoMember, statusDMember, type DatabaseInput } from "./database-members.ts";
export { tarFile, tarHeader, tarPadding, tarTrailer, type TarEntry } from "./tar-writer.ts";
export type { Alternative, EntryKind, PackageEntry, PackageFacts, SharedLibrary } from "./types.ts";
export {
  buildImage,
  buildIndex,
  defaultPath,
  type BuiltImage,
  type ConfigLayer,
  type RunConfig,
} from "./image-config.ts";
export { mergePackages, type Alteration } from "./merge-packages.ts";
export { PathTable } from "./path-table.ts";
export { planLayers, defaultLayerBudget, type LayerGroup, type PlanPackage as LayerPackage } from "./plan-layers.ts";
export { statusStanza } from "./dpkg-status.ts";
export { accountsToAllocate, type AccountWish } from "./generated/accounts.ts";
export { generateEntries, type GenerateInput } from "./generated/generate-entries.ts";
export type { GeneratedEntry } from "./generated/image-tree.ts";
export { folderTar, sameFolder, settleFolders, type Folder } from "./folders.ts";
export { skeletonEntries, type LayerEntry } from "./skeleton.ts";
export { LayerTree } from "./layer-tree.ts";
export { dpkgDatabase } from "./dpkg-database.ts";
export { placeFiles, type PlacedFile } from "./place-files.ts";
