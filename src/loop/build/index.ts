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
export { buildCandidate, type BuildOutcome } from "./build-candidate.ts";
export { resolveImage, type ResolvedImage, type ResolveOptions } from "./resolve-image.ts";
export { readChangelog } from "./suggest-advisories.ts";
export { loadBase } from "./load-base.ts";
export { createPatcher } from "./patch/create-patcher.ts";
export { mirrorImage, type MirroredImage } from "./patch/mirror-image.ts";
export type {
  EnginePatch,
  PatchChange,
  Patcher,
  PatcherDeps,
  PatchOutcome,
  PatchRequest,
  SuiteQuestion,
} from "./patch/types.ts";
