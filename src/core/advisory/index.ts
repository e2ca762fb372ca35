export type {
  Advisory,
  AdvisoryKey,
  AdvisoryReport,
  AffectedPackage,
  AffectedRange,
  Finding,
  Judgement,
  Severity,
  Signals,
  VexStatus,
  VexVerdict,
} from "./types.ts";
export {
  buildAdvisoryIndex,
  joinIndexes,
  type AdvisoryIndex,
  type FeedWord,
  type IndexedAdvisory,
} from "./advisory-index.ts";
export { advisoryKey } from "./ecosystems.ts";
export { keysOf } from "./lookups.ts";
export { matchAdvisories } from "./match-advisories.ts";
export { diffFindings, type FindingDifference } from "./diff-findings.ts";
export { parseOsvRecord, type ParsedAdvisory } from "./osv.ts";
export { parseTrackerSource } from "./debian-tracker.ts";
export { ecosystemOf } from "./distros.ts";
export { ecosystemOfCodename } from "./releases.ts";
export { closedAdvisories, type ClosedAdvisories } from "./closed-advisories.ts";
export { knownIds } from "./known-ids.ts";
export { changelogDate } from "./changelog-date.ts";
export { suggestFixedIds, type Suggestion } from "./suggest-fixed-ids.ts";
export { findChangelog, type ChangelogEntry, type ChangelogPlace } from "./find-changelog.ts";
export { findOffers, type Offer, type Offers } from "./offers.ts";
export { parseSecdb, type ParsedSecdb } from "./secdb.ts";
export { parseExploited, type ExploitedVulnerability, type ParsedExploited } from "./exploited.ts";
export { parseExploitScores, type ExploitScore, type ParsedScores } from "./exploit-scores.ts";
export { parseOpenVex, type ParsedVex, type VexProduct, type VexStatement } from "./open-vex.ts";
export { applyVex, isSettled, type VexSubject } from "./apply-vex.ts";
export { keysOfUnit, matchUnit, matchUnitsOf, type MatchSystem, type MatchUnit, type UnitEntry } from "./match-unit.ts";
export {
  planFindingChanges,
  type FindingChange,
  type FindingDetail,
  type OpenFinding,
} from "./plan-finding-changes.ts";
export {
  findingLives,
  type FindingEnd,
  type FindingLife,
  type HeldFinding,
  type LifeFacts,
  type Placement,
} from "./finding-lives.ts";
export { ranPlacements, type RanPlacement, type SeenRunning } from "./ran-placements.ts";
export { applyOwnStatements, type OwnStatement } from "./own-statements.ts";
