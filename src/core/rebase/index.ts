export { compareBases, type BaseChange } from "./bases.ts";
export { findBaseEnd, readBaseHint, type BaseHint } from "./find-base.ts";
export { planRebase, type RebaseFacts } from "./plan-rebase.ts";
export { addMergeLayer, endsWithMerge, newest, rebaseConfig } from "./rebase-config.ts";
export type {
  MergedFile,
  MergedFolder,
  MergeLayer,
  PackageStep,
  RebasePlan,
  RebaseSide,
  Refusal,
  RefusalCode,
  Treatment,
} from "./types.ts";
