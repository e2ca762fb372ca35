export { checkImage } from "./check-image.ts";
export type { ImageCheck, PlatformCheck, SuiteOffers } from "./check-image.ts";
export { matchFindings, type MatchResult } from "./match-findings.ts";
