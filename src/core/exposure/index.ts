export {
  exposureEnds,
  milestones,
  severityLevels,
  type ExposureEnd,
  type ExposureLife,
  type Milestone,
  type SeverityLevel,
} from "./types.ts";
export { deriveLives } from "./derive-lives.ts";
export { isCure } from "./windows.ts";
export {
  collectFacts,
  type CollectedExposure,
  type ExposedFinding,
  type ExposureHistory,
  type KnownDigest,
  type PlacedDigest,
} from "./collect-facts.ts";
export { runningOf, type KnownDeployment } from "./running-of.ts";
export { frameworks, presetNames, type Framework, type SloRule } from "./slo-presets.ts";
export {
  deadlinesOf,
  judgeDeadline,
  presetRules,
  warnedFrom,
  type Deadline,
  type SloPolicy,
  type SloSubject,
  type SloVerdict,
} from "./judge-slo.ts";
export {
  applyDayChange,
  dayChanges,
  keyOf,
  marksOf,
  marksOfRebuild,
  type CountedDay,
  type Day,
  type Mark,
} from "./count-days.ts";
export { parsePeriod } from "./period.ts";
export { buildFigures, type OpenExposures } from "./build-report.ts";
export { stuckReason } from "./stuck-reason.ts";
