export { checkImage } from "./check-image.ts";
export type { ImageCheck, PlatformCheck, SuiteOffers } from "./check-image.ts";
export { matchFindings, type MatchResult } from "./match-findings.ts";
export { createHolders, type Holder, type Holders } from "./create-holders.ts";
