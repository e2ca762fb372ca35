export { findDiscord, type Discord } from "./find-discord.ts";
export { parseControl, type ControlLimits, type ControlStanza } from "./control.ts";
export { parseRelations, type Relation, type RelationGroup, type RelationOperator } from "./relation.ts";
export { resolvePackages } from "./resolve-packages.ts";
export type { DebArchitecture, PackageRecord, PackageUniverse, Resolution, ResolveRequest } from "./types.ts";
export { createUniverse, type PackagesIndex } from "./universe.ts";
export { withRecords } from "./with-records.ts";
export { withoutVersions } from "./without-versions.ts";
