import type { Finding, FindingLife } from "../../core/advisory/index.ts";
import {
  describeRemedy,
  scheduleFacts,
  scheduleRemedy,
  type Cure,
  type Remedy,
  type RunningRebuild,
  type Schedule,
  type ScheduleFacts,
} from "../../core/remedy/index.ts";
import { shortCoolDown, type HeldImage, type Plan as CorePlan } from "../../core/plan/index.ts";
import type { Bump, ImageRemedy } from "../../io/store/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import type { ImageRemedies } from "../../loop/plan/index.ts";
import {
  formatInstant,
  type CureView,
  type FindingView,
  type RemedyView,
  type ScheduleView,
  type Status,
} from "../../operation/index.ts";
import type { InFlight } from "./rebuilds-in-flight.ts";
import { scheduleBump } from "./schedule-bump.ts";

const levels = ["critical", "high", "medium", "low", "none", "unknown"] as const;

/** What decides when remedies come: the plan, and what is under way. */
export function scheduleOf(ctx: Context, plan: CorePlan, inFlight: readonly InFlight[]): ScheduleFacts {
  const { clock, config } = ctx;
  return scheduleFacts(plan, runningOf(inFlight), { now: clock.now(), coolDown: shortCoolDown(config.policies) });
}

/** The same between two passes: what the newest held, and what is under way. What it planned is under way, or has ended. */
export function scheduleByPass(
  ctx: Context,
  held: readonly {
    readonly image: string;
    readonly kind: string;
    readonly until: number | null;
    readonly reason: string;
  }[],
  inFlight: readonly InFlight[],
): ScheduleFacts {
  const all = held.map(({ image, kind, until, reason }) => ({
    image,
    kind: kind as HeldImage["kind"],
    until: until ?? undefined,
    causes: [],
    reason,
  }));
  return scheduleOf(ctx, { waves: [], held: all, keptOut: [], untouched: [] }, inFlight);
}

/** What the newest pass found wrong with an image, where that is said of `digest`, which it is now. */
export function describeImageFindings(
  found: ImageRemedy | undefined,
  digest: Digest | undefined,
  facts: ScheduleFacts,
  bumps: readonly Bump[],
): Status["images"][number]["findings"] {
  if (found === undefined || found.digest !== digest) {
    const reason = digest === undefined ? "nothing of it runs yet" : "no pass has looked at what it is now";
    return { state: "unknown", reasons: [reason], asOf: null, open: 0, accepted: 0, cures: [] };
  }
  const count = (cures: readonly Cure[]): number => cures.reduce((sum, one) => sum + one.findings, 0);
  const accepted = found.cures.filter(({ remedy }) => remedy.kind === "accepted");
  return {
    state: found.state,
    reasons: [...found.reasons],
    asOf: formatInstant(found.at),
    open: count(found.cures) - count(accepted),
    accepted: count(accepted),
    cures: describeCures([found], facts)
      .slice(0, mostCures)
      .map((cure) => scheduleBump(cure, bumps)),
  };
}

const mostCures = 50;

/** The findings of images with their remedies and when those come, the worst first. */
export function describeFindings(
  images: readonly ImageRemedies[],
  facts: ScheduleFacts,
  livesOf: (image: string) => readonly FindingLife[],
): FindingView[] {
  const views = images.flatMap(({ image, digest, findings }) => {
    const lives = new Map(livesOf(image).map((one) => [`${one.advisory} ${one.package}`, one]));
    return findings.map(({ finding, platforms, remedy }): FindingView => {
      const about = { source: finding.source, packages: [finding.package], architectures: [finding.architecture] };
      const schedule = scheduleRemedy(about, remedy, facts);
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
        detected: instantOrNull(lives.get(`${finding.id} ${finding.package}`)?.opened),
        fixAvailable: instantOrNull(lives.get(`${finding.id} ${finding.package}`)?.fixedSince),
        remedy: viewRemedy(remedy),
        schedule: viewSchedule(schedule, facts.now),
      };
    });
  });
  return views.sort(compareViews);
}

/** The same as one row for each image, source, place and deed. */
export function describeCures(
  cures: readonly { readonly image: string; readonly cures: readonly Cure[] }[],
  facts: ScheduleFacts,
): CureView[] {
  const views = cures.flatMap(({ image, cures: all }) =>
    all.map((cure): CureView => {
      const { remedy, path, ids, packages, type, source, version, findings, severity, exploited } = cure;
      const schedule = viewSchedule(scheduleRemedy(cure, remedy, facts), facts.now);
      return {
        image,
        ids: [...ids],
        findings,
        source,
        packages: [...packages],
        type,
        version,
        path: path ?? null,
        severity,
        exploited,
        remedy: viewRemedy(remedy),
        schedule,
      };
    }),
  );
  return views.sort(compareViews);
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
    ...viewBump(remedy),
    successor: remedy.kind === "replace-base" ? (remedy.successor ?? null) : null,
    by: remedy.kind === "accepted" ? remedy.by : null,
    until: remedy.kind === "accepted" ? instantOrNull(remedy.until) : null,
  };
}

/** What only a bump has; nothing of any other remedy. */
export function viewBump(remedy: Remedy): Pick<RemedyView, "file" | "compatible" | "dependants" | "gap"> {
  if (remedy.kind !== "bump-source") return { file: null, compatible: null, dependants: [], gap: null };
  const { file, isCompatible, dependants, gap } = remedy;
  return {
    file: file ?? null,
    compatible: isCompatible ?? null,
    dependants: dependants.map((one) => ({ ...one, allows: one.allows ?? null, when: one.when ?? null })),
    gap: gap ?? null,
  };
}

function viewSchedule(schedule: Schedule, now: number): ScheduleView {
  const nothing = { lane: null, notBefore: null, rebuild: null, bump: null };
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

/** What is exploited comes first, then by severity, image and package; of one package in the order of their ids. */
function compareViews(a: FindingView | CureView, b: FindingView | CureView): number {
  return (
    Number(b.exploited) - Number(a.exploited) ||
    levels.indexOf(a.severity) - levels.indexOf(b.severity) ||
    compare(a.image, b.image) ||
    compare(a.source, b.source) ||
    ("id" in a && "id" in b ? compare(a.package, b.package) || compare(a.id, b.id) : 0) ||
    compare(a.path ?? "", b.path ?? "")
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
