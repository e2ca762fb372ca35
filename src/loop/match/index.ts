export { checkImage } from "./check-image.ts";
export type { ImageCheck, PlatformCheck, SuiteOffers, SuiteRequest } from "./check-image.ts";
