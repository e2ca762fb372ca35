export type { InstalledPackage, Inventory, OsRelease } from "./types.ts";
export { keepsContent } from "./layer-facts.ts";
export type { ElfFacts, EntryType, LayerEntry, LayerFacts, LayerProblem } from "./layer-facts.ts";
export { isElf, parseElf, parseElfHeader } from "./elf.ts";
export type { ElfHeader, ElfSegment, ReadRange } from "./elf.ts";
<<<<<<< HEAD
export { emptyTree, extendTree, listFolder, lookup, nameOf, parentOf, walkTree } from "./tree.ts";
export type { Lookup, Tree, TreeNode, TreeProblem } from "./tree.ts";
export { readInventory, readOsRelease } from "./read-inventory.ts";
export { readText, type TextFile } from "./read-text.ts";
export { createLoader, type Loader } from "./loader.ts";
=======
export { emptyTree, extendTree, listFolder, lookup, walkTree } from "./tree.ts";
export type { Lookup, Tree, TreeNode, TreeProblem } from "./tree.ts";
export { readText, type TextFile } from "./read-text.ts";
export { parseMd5Sums } from "./structure/ownership.ts";
export { readInventory } from "./read-inventory.ts";
>>>>>>> patch
export type { InventoryReader, PackageDatabase } from "./inventory-reader.ts";
export type { DpkgEntry, DpkgParse } from "./dpkg-stanza.ts";
export { provePackages, type PackageTruth } from "./package-truth.ts";
export { inventoryKey } from "./inventory-key.ts";
export { diffInventories } from "./diff-inventories.ts";
export { parseDeb822Sources, parseSourcesList, readAptSources } from "./apt-sources.ts";
export type { AptSource } from "./apt-sources.ts";
export { suitesOfImage, type SuiteRequest, type ImageSuites } from "./suites-of-image.ts";
export { checkStructure } from "./structure/check-structure.ts";
export type { StructureCheckName, StructureResult } from "./structure/check-structure.ts";
export type { StructureSubject } from "./structure/structure-check.ts";
export { environmentOf, findEntrypoint, findProgram } from "./structure/entrypoint.ts";
export { findUser } from "./structure/user.ts";
