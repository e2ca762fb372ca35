export type { CiPlace, CiSystem, Env, ForgePlace } from "./types.ts";
export { wantedReports, type ReportFacts, type ReportState, type WantedReport } from "./wanted-reports.ts";
export { detectCi, eventFileOf, readByPage } from "./detect-ci.ts";
export { quietLog } from "./quiet-log.ts";
export { tokenNames } from "./token-names.ts";
