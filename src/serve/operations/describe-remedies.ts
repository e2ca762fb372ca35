import type { Finding } from "../../core/advisory/index.ts";
import {
  describeRemedy,
  scheduleFacts,
  scheduleRemedy,
  type Remedy,
  type RunningRebuild,
  type Schedule,
} from "../../core/remedy/index.ts";
import type { Plan as CorePlan } from "../../core/plan/index.ts";
import type { Context } from "../../loop/context.ts";
import type { ImageRemedies } from "../../loop/plan/index.ts";
import {
  formatInstant,
  type CureView,
  type FindingView,
  type RemedyView,
  type ScheduleView,
} from "../../operation/index.ts";
import type { InFlight } from "./rebuilds-in-flight.ts";

const mostIds = 20;
const levels = ["critical", "high", "medium", "low", "none", "unknown"] as const;

/** The findings of images with their remedies and when those come, the worst first. */
export function describeFindings(
  ctx: Context,
  images: readonly ImageRemedies[],
  plan: CorePlan,
  inFlight: readonly InFlight[],
): FindingView[] {
  const facts = scheduleFacts(plan, runningOf(inFlight), {
    now: ctx.clock.now(),
    coolDown: ctx.config.policies.coolDown,
  });
  const views = images.flatMap(({ image, digest, findings }) =>
    findings.map(({ finding, platforms, remedy }): FindingView => {
      const schedule = scheduleRemedy(finding, remedy, facts);
      return {
        image,
        digest,
        platforms: [...platforms],
        id: finding.id,
        aliases: [...finding.aliases],
        package: finding.package,
        source: finding.source,
        type: finding.type,
        version: finding.version,
        path: finding.path ?? null,
        state: finding.state,
        severity: finding.severity?.level ?? "unknown",
        exploited: finding.exploited !== undefined,
        summary: finding.summary,
        published: instantOrNull(finding.published),
        remedy: viewRemedy(remedy),
        schedule: viewSchedule(schedule, facts.now),
      };
    }),
  );
  return views.sort(compareViews);
}

/** Findings that the same deed cures, as one row for each image, source and place; in the order of their worst. */
export function groupFindings(findings: readonly FindingView[]): CureView[] {
  const groups = Map.groupBy(findings, ({ image, type, source, version, path, remedy, schedule }) =>
    JSON.stringify([
      image,
      type,
      source,
      version,
      path,
      remedy.kind,
      remedy.image,
      remedy.version,
      remedy.onto,
      remedy.by,
      schedule,
    ]),
  );
  return [...groups.values()].flatMap((all) => {
    const [first] = all;
    if (first === undefined) return [];
    const ids = [...new Set(all.map(({ id }) => id))];
    const { image, type, source, version, path, severity, remedy, schedule } = first;
    return [
      {
        image,
        ids: ids.slice(0, mostIds),
        findings: ids.length,
        source,
        packages: [...new Set(all.map((one) => one.package))].sort(),
        type,
        version,
        path,
        severity,
        exploited: all.some((one) => one.exploited),
        remedy,
        schedule,
      },
    ];
  });
}

function runningOf(inFlight: readonly InFlight[]): Map<string, RunningRebuild> {
  return new Map(
    inFlight.map(({ rebuild, causes, step, environment }) => {
      const where = environment === null ? step : `${step} in ${environment}`;
      const sources = new Set(causes.flatMap((cause) => (cause.kind === "package" ? [cause.source] : [])));
      return [rebuild.image, { id: rebuild.id, lane: rebuild.lane, reason: where, sources }];
    }),
  );
}

function viewRemedy(remedy: Remedy): RemedyView {
  const offered = "offered" in remedy ? remedy.offered : undefined;
  const since = offered?.since ?? (remedy.kind === "wait-upstream" ? remedy.since : undefined);
  return {
    kind: remedy.kind,
    summary: describeRemedy(remedy),
    image: "image" in remedy ? remedy.image : null,
    version: offered?.version ?? null,
    from: offered?.from ?? null,
    since: instantOrNull(since),
    onto: remedy.kind === "rebase" ? (remedy.onto ?? null) : null,
    file: remedy.kind === "bump-source" ? (remedy.file ?? null) : null,
    compatible: remedy.kind === "bump-source" ? (remedy.isCompatible ?? null) : null,
    dependants:
      remedy.kind === "bump-source" ? remedy.dependants.map((one) => ({ ...one, allows: one.allows ?? null })) : [],
    successor: remedy.kind === "replace-base" ? (remedy.successor ?? null) : null,
    by: remedy.kind === "accepted" ? remedy.by : null,
    until: remedy.kind === "accepted" ? instantOrNull(remedy.until) : null,
  };
}

function viewSchedule(schedule: Schedule, now: number): ScheduleView {
  const nothing = { lane: null, notBefore: null, rebuild: null };
  switch (schedule.kind) {
    case "planned": {
      const { lane, notBefore, wave } = schedule;
      const at = notBefore <= now ? null : formatInstant(notBefore);
      return { ...nothing, state: "planned", lane, notBefore: at, reason: `in wave ${wave + 1} of the plan` };
    }
    case "under-way": {
      const { lane, rebuild, reason } = schedule;
      return { ...nothing, state: "under-way", lane, rebuild, reason };
    }
    case "waiting":
      return { ...nothing, state: "waiting", notBefore: instantOrNull(schedule.until), reason: schedule.reason };
    case "person":
      return { ...nothing, state: "person", reason: schedule.reason };
    case "upstream":
      return { ...nothing, state: "upstream", reason: "nothing that cures it is to be had" };
    case "accepted":
      return {
        ...nothing,
        state: "accepted",
        notBefore: instantOrNull(schedule.until),
        reason: "the risk is accepted",
      };
  }
}

function instantOrNull(at: Finding["published"]): string | null {
  return at === undefined ? null : formatInstant(at);
}

/** What is exploited comes first, then by severity, image, package and id. */
function compareViews(a: FindingView, b: FindingView): number {
  return (
    Number(b.exploited) - Number(a.exploited) ||
    levels.indexOf(a.severity) - levels.indexOf(b.severity) ||
    compare(a.image, b.image) ||
    compare(a.package, b.package) ||
    compare(a.id, b.id)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
