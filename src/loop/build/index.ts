export { createAssembler } from "./create-assembler.ts";
export type {
  AccountRequest,
  AssembleOptions,
  AssembleRequest,
  AssembledImage,
  AssembledLayer,
  AssembledPlatform,
  Assembler,
  AssemblerDeps,
  PlatformPackages,
} from "./types.ts";
export { buildCandidate, makeImage, type BuildOutcome, type Makers } from "./build-candidate.ts";
export { resolveImage, type ResolvedImage, type ResolveOptions } from "./resolve-image.ts";
export { readChangelog } from "./suggest-advisories.ts";
export { loadBase } from "./load-base.ts";
export {
  createRebaser,
  type PlacedImage,
  type PlatformRefusal,
  type RebasedPlatform,
  type RebaseOutcome,
  type Rebaser,
  type RebaserDeps,
  type RebaseRequest,
} from "./rebase-image.ts";
export { createPatcher } from "./patch/create-patcher.ts";
export type {
  EnginePatch,
  PatchChange,
  Patcher,
  PatcherDeps,
  PatchOutcome,
  PatchRequest,
  SuiteQuestion,
} from "./patch/types.ts";
