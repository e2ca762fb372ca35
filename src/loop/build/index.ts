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
