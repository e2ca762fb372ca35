export type {
  Excuse,
  JudgedScan,
  ScanFeed,
  ScanFinding,
  ScanPackage,
  ScanPlatform,
  ScanReport,
  ScanSubject,
  ScanVerdict,
} from "./types.ts";
export { createPlatform, scanPackages, type PlatformFacts } from "./create-platform.ts";
export { applyIgnores } from "./apply-ignores.ts";
export { parseIgnoreFile, type IgnoreEntry, type IgnoreMistake, type ParsedIgnoreFile } from "./parse-ignore-file.ts";
export { failOnWords, parseFailOn, type FailRule, type ParsedFailOn } from "./parse-fail-on.ts";
export { levelOf } from "./order-findings.ts";
export { judgeGate } from "./judge-gate.ts";
export { judgeScan, type ScanPolicy } from "./judge-scan.ts";
export { compareScans, type ScanComparison } from "./compare-scans.ts";
export { describeRemedy, remedyGroup } from "./describe-remedy.ts";
export { formatSarif } from "./format-sarif.ts";
export { formatJunit } from "./format-junit.ts";
export { formatMarkdown } from "./format-markdown.ts";
export { codeSpan, cutLines, markdownTable } from "./markdown.ts";
export { formatSpdx } from "./format-spdx.ts";
export type { BomInput, BomPlatform } from "./bom-parts.ts";
export { maxSbomBytes, parseSbom, type ParsedSbom } from "./sbom/parse-sbom.ts";
export { withLocks } from "./with-locks.ts";
export { noLayer } from "./sbom/sbom-collector.ts";
/** Loads the library that writes CycloneDX, which costs more than a scan. */
export const loadCyclonedx = () => import("./format-cyclonedx.ts");
