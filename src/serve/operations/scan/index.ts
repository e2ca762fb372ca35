export { createScan, type SaidOfAll, type ScanDeps } from "./create-scan.ts";
export { createInventory, type InventoryDeps } from "./create-inventory.ts";
export { loadScanFeeds } from "./load-scan-feeds.ts";
