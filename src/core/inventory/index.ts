export type { InstalledPackage, Inventory, OsRelease, PackageType } from "./types.ts";
export { keepsContent } from "./layer-facts.ts";
export type {
  Asked,
  AskTerms,
  ElfFacts,
  EntryType,
  FileHolds,
  HeldPackage,
  LayerEntry,
  LayerFacts,
  LayerProblem,
} from "./layer-facts.ts";
export type { ContentRecogniser } from "./content/content-recogniser.ts";
export { contentRecognisers, recogniserOf } from "./content/recognisers.ts";
export { isGoProgram, readGoBuildInfo } from "./content/go-build-info.ts";
export { isElf, parseElf, parseElfHeader } from "./elf.ts";
export type { ElfHeader, ElfSegment, ReadRange } from "./elf.ts";
export { emptyTree, extendTree, listFolder, lookup, nameOf, parentOf, walkTree } from "./tree.ts";
export type { Lookup, Tree, TreeNode, TreeProblem } from "./tree.ts";
export { readInventory, readOsRelease } from "./read-inventory.ts";
export { readText, type TextFile } from "./read-text.ts";
export { createLoader, type Loader } from "./loader.ts";
export { parseMd5Sums } from "./structure/ownership.ts";
export type { InventoryReader, PackageDatabase } from "./inventory-reader.ts";
export type { DpkgEntry, DpkgParse } from "./dpkg-stanza.ts";
export { provePackages, type PackageTruth } from "./package-truth.ts";
export { debsOf } from "./debs-of.ts";
export { inventoryKey } from "./inventory-key.ts";
export { diffTrees, identical, sameEntry, type PathChange, type PathChanges } from "./diff-trees.ts";
export { diffInventories } from "./diff-inventories.ts";
export { judgeDrift, type DriftRules } from "./judge-drift.ts";
export { diffPackages } from "./diff-packages.ts";
export { parseDeb822Sources, parseSourcesList, readAptSources, suitesOf } from "./apt-sources.ts";
export type { AptSource } from "./apt-sources.ts";
export { suitesOfImage, type SuiteRequest, type ImageSuites } from "./suites-of-image.ts";
export { checkExpected, type ExpectedFile, type ExpectedStructure } from "./structure/check-expected.ts";
export { checkStructure } from "./structure/check-structure.ts";
export type { StructureCheckName, StructureResult } from "./structure/check-structure.ts";
export type { StructureSubject } from "./structure/structure-check.ts";
export { environmentOf, findEntrypoint, findProgram } from "./structure/entrypoint.ts";
export { findUser } from "./structure/user.ts";
export { purlOf } from "./purl.ts";
export { isLockFile, maxLockFile, parseLockFile } from "./lock/parse-lock-file.ts";
export type { LockedPackage, LockFile, LockRequest } from "./lock/lock-parser.ts";
export { resolveNodeModule } from "./node-modules.ts";
export { findContents, type FoundContent } from "./find-contents.ts";
