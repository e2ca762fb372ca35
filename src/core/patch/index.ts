export { readOriginal, type ReadOriginal } from "./read-original.ts";
export { selectSwaps } from "./select-swaps.ts";
export { createPlacer, type Placer } from "./place-package.ts";
export { planPatch } from "./plan-patch.ts";
export { patchLayer, type PatchLayer } from "./patch-layer.ts";
export { addLayer, laterOf, patchIndex, type ImageBase, type PatchedPlatform } from "./patched-image.ts";
export { patchDockerfile, type PatchDockerfileInput, type UpgradeTarget } from "./patch-dockerfile.ts";
export { openVex, type FixedPackage, type OpenVexDocument, type OpenVexInput } from "./open-vex.ts";
export type {
  NewPackage,
  Original,
  PatchPlan,
  PatchPolicy,
  PlacedPackage,
  ScriptNeed,
  Selection,
  Swap,
} from "./types.ts";
