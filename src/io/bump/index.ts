export { createBumper, type Bumper, type BumpEnd } from "./create-bumper.ts";
export type { BumpLimits, BumpRequest } from "./types.ts";
