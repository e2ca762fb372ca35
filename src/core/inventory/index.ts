export type { InstalledPackage, Inventory, OsRelease } from "./types.ts";
