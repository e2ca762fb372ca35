export type { CiPlace, CiSystem, Env, ForgePlace } from "./types.ts";
export { detectCi, eventFileOf, readByPage } from "./detect-ci.ts";
export { quietLog } from "./quiet-log.ts";
export { tokenNames } from "./token-names.ts";
