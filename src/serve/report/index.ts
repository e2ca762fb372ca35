export { formatReport } from "./format-report.ts";
