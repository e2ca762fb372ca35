export { parseControl, type ControlLimits, type ControlStanza } from "./control.ts";
export { diffPackages } from "./diff-packages.ts";
export { PackagesError } from "./error.ts";
export {
  formatRelation,
  parseRelations,
  type Relation,
  type RelationGroup,
  type RelationOperator,
} from "./relation.ts";
export { resolvePackages } from "./resolve-packages.ts";
export type { DebArchitecture, PackageRecord, PackageUniverse, Resolution, ResolveRequest } from "./types.ts";
export { createUniverse, type PackagesIndex } from "./universe.ts";
