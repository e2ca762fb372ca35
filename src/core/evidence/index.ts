export { evidenceKinds, kindOfPredicate, predicateTypes, type EvidenceKind, type PredicateType } from "./kinds.ts";
export { formatStatement, type Subject } from "./statement.ts";
export { recipeParameters, withoutLogin } from "./recipe-parameters.ts";
export { formatProvenance, imageMaterial, sourceMaterial, type Material, type ProvenanceFacts } from "./provenance.ts";
export {
  environmentOfPolicy,
  formatSummary,
  formatTestResult,
  type VerificationFacts,
  type Verifier,
} from "./verification.ts";
export { formatScanResult, type ScanFacts } from "./scan-result.ts";
export { formatVex, type VexFacts } from "./vex-document.ts";
export { formatReadme, patternOf, type ExportSigner } from "./export-readme.ts";
