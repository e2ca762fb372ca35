export type { Advisory, AdvisoryReport, AffectedPackage, AffectedRange, Finding } from "./types.ts";
export { buildAdvisoryIndex, type AdvisoryIndex, type IndexedAdvisory } from "./advisory-index.ts";
export { closedFindings, matchAdvisories } from "./match-advisories.ts";
export { parseOsvRecord, type ParsedAdvisory } from "./osv.ts";
export { parseTrackerSource } from "./debian-tracker.ts";
export { releaseOf } from "./releases.ts";
export { suggestFixedIds, type Suggestion } from "./suggest-fixed-ids.ts";
export { findChangelog, type ChangelogEntry, type ChangelogPlace } from "./find-changelog.ts";
export { findOffers, type Offer, type Offers } from "./offers.ts";
