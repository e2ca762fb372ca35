export { loadInventory } from "./load-inventory.ts";
export { checkImage } from "./check-image.ts";
export type {
  CheckImageDeps,
  Cure,
  ImageCheck,
  OutdatedPackage,
  PlatformCheck,
  SuiteOffers,
  SuiteRequest,
} from "./check-image.ts";
