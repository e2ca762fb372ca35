export type { DebArchitecture, PackageRecord, PackageUniverse, Resolution, ResolveRequest } from "./types.ts";
