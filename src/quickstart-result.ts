import { summarizeCauses, type Plan } from "./core/plan/index.ts";
import type { Promotion, Rebuild } from "./io/store/index.ts";
import type { Digest, Instant } from "./lib/index.ts";
import type { CandidateDetail, Context } from "./loop/context.ts";
import { proposePlan } from "./loop/plan/index.ts";
import { advisoriesOf, type AdvisoryRef, type QuickstartResult, type QuickstartRow } from "./operation/index.ts";
import type { ServedFleet } from "./serve-fleet.ts";

/** What happened, as it was lived through. */
export interface Morning {
  readonly begun: Instant;
  /** When day 1 began. */
  readonly dawn: Instant;
  readonly ended: Instant;
  /** `IMAGE:ENVIRONMENT` before day 1. */
  readonly before: ReadonlyMap<string, Digest | null>;
  /** Of day 1. */
  readonly plan: Plan;
  /** Day 0 was done by an earlier run. */
  readonly isAgain: boolean;
  /** Images whose update was made to fail. */
  readonly planted: readonly string[];
  /** What else was seen. */
  readonly notes: readonly string[];
}

interface Facts {
  readonly last: string;
  readonly after: ReadonlyMap<string, Digest | null>;
  readonly rebuilds: readonly Rebuild[];
  readonly promotions: readonly Promotion[];
}

/** What the tour prints, from what the store says of it. */
export async function describeTour(ctx: Context, morning: Morning, served: ServedFleet): Promise<QuickstartResult> {
  const { store, config } = ctx;
  const [pointers, rebuilds, promotions, alarms, left] = await Promise.all([
    store.loadPointers(),
    store.loadRebuilds({ limit: 10_000 }),
    store.loadPromotions({ states: ["confirmed"], limit: 10_000 }),
    store.loadAlarms(),
    proposePlan(ctx),
  ]);
  const facts: Facts = {
    last: config.environments.at(-1)?.name ?? "",
    after: new Map(pointers.map((one) => [`${one.image}:${one.environment}`, one.digest])),
    rebuilds: rebuilds.filter((rebuild) => (rebuild.finishedAt ?? 0) >= morning.begun),
    promotions: promotions.filter((one) => (one.confirmedAt ?? 0) >= morning.begun),
  };
  const rows = await Promise.all(Object.keys(config.images).map((image) => describeRow(ctx, image, morning, facts)));
  const renewed = rows.filter(({ outcome }) => outcome === "rebuilt");
  const details = await Promise.all(renewed.map(({ image, to }) => loadDetail(ctx, image, to)));
  const failed = facts.rebuilds.filter(({ state }) => state === "failed");
  const counts = {
    images: rows.length,
    built: facts.rebuilds.filter(
      ({ id, state }) => state === "promoted" && isFirst(id, facts) && !isOfDay1(id, morning, facts),
    ).length,
    rebuilt: renewed.length,
    unchanged: rows.filter(({ from, to }) => from !== null && from === to).length,
    held: morning.plan.held.length,
    failed: failed.length,
    rolledBack: facts.promotions.filter(({ kind }) => kind === "rollback").length,
    cvesClosed: countVulnerabilities(renewed.flatMap(({ advisories }) => advisories)),
    secondsFixToProduction: longest(renewed.map((row) => row.secondsFixToProduction)),
  };
  const shown = renewed[0] ?? rows.find(({ image }) => image === "curl") ?? rows[0];
  const image = renewed.find((row) => row.image === "curl")?.image ?? shown?.image ?? "";
  return {
    counts,
    rows,
    notes: [...morning.notes, ...notesOf(morning, counts)],
    alarms: alarms.map(({ subject, message }) => `${subject}: ${message}`),
    bytesUploaded: sum(details.map((detail) => detail?.bytesUploaded ?? 0)),
    bytesFullRebuild: sum(details.map((detail) => detail?.bytes ?? 0)),
    seconds: { day0: (morning.dawn - morning.begun) / 1000, day1: (morning.ended - morning.dawn) / 1000 },
    pullReference: `${served.registry}/${config.images[image]?.repository ?? image}:${facts.last}`,
    explainImage: image,
    statusPage: served.statusPage,
    broken: brokenPromises({ rows, morning, failed, left: left.waves.flat().map((one) => one.image), alarms }),
  };
}

async function describeRow(ctx: Context, image: string, morning: Morning, facts: Facts): Promise<QuickstartRow> {
  const key = `${image}:${facts.last}`;
  const from = morning.before.get(key) ?? null;
  const to = facts.after.get(key) ?? null;
  const row = { image, from, to, packages: [], advisories: [], secondsFixToProduction: null };
  const back = facts.promotions.find(
    (one) => one.image === image && one.environment === facts.last && one.kind === "rollback",
  );
  if (back !== undefined) return { ...row, from: back.previous, outcome: "rolled-back", reason: back.reason };
  const failed = facts.rebuilds.find((one) => one.image === image && one.state === "failed");
  if (failed !== undefined) {
    return { ...row, outcome: "failed", reason: failed.lastError?.message ?? "it failed" };
  }
  if (to === null) return { ...row, outcome: "failed", reason: "it is in no environment" };
  if (from === to) {
    const held = morning.plan.held.find((one) => one.image === image);
    if (held !== undefined) return { ...row, outcome: "held", reason: held.reason };
    const reason = morning.plan.untouched.find((one) => one.image === image)?.reason ?? "its content is the same";
    return { ...row, outcome: "unchanged", reason };
  }
  const promotion = facts.promotions.find(
    (one) => one.image === image && one.environment === facts.last && one.digest === to,
  );
  const id = promotion?.rebuild ?? null;
  const causes = id === null ? [] : ((await ctx.store.loadCauses([id])).get(id) ?? []).map(({ cause }) => cause);
  const packages = causes.flatMap((cause) => (cause.kind === "package" ? [cause] : []));
  const detail = await loadDetail(ctx, image, to);
  const seen = Math.min(...packages.map(({ firstSeen }) => firstSeen));
  const promoted = promotion?.confirmedAt ?? undefined;
  return {
    ...row,
    outcome: "rebuilt",
    reason: summarizeCauses(causes),
    packages: (detail?.changes ?? []).map((change) => ({
      ...change,
      from: change.from ?? null,
      to: change.to ?? null,
    })),
    advisories: joinAdvisories(packages.flatMap(advisoriesOf)),
    secondsFixToProduction:
      promoted === undefined || packages.length === 0 ? null : Math.max(0, promoted - seen) / 1000,
  };
}

/** A DSA or DLA only tells of CVEs, which are counted themselves. */
function countVulnerabilities(advisories: readonly AdvisoryRef[]): number {
  return new Set(advisories.map(({ id }) => id).filter((id) => !/^D[SL]A-/.test(id))).size;
}

/** Each once, sorted; what a feed says of it goes before what a changelog does. */
function joinAdvisories(all: readonly AdvisoryRef[]): AdvisoryRef[] {
  const sources = new Map(all.map(({ id, source }) => [id, source]));
  for (const { id, source } of all) if (source === "feed") sources.set(id, source);
  return [...sources].map(([id, source]) => ({ id, source })).sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function loadDetail(ctx: Context, image: string, digest: Digest | null): Promise<CandidateDetail | undefined> {
  const row = digest === null ? undefined : await ctx.store.loadImageDigest(image, digest);
  return row?.detail as CandidateDetail | undefined;
}

/** Whether a rebuild brought its image's first digest into the last environment. */
function isFirst(rebuild: string, { promotions, last }: Facts): boolean {
  return promotions.some(
    (one) => one.rebuild === rebuild && one.environment === last && one.kind === "forward" && one.previous === null,
  );
}

function isOfDay1(rebuild: string, { dawn }: Morning, { rebuilds }: Facts): boolean {
  return (rebuilds.find(({ id }) => id === rebuild)?.finishedAt ?? 0) >= dawn;
}

function notesOf({ isAgain }: Morning, counts: QuickstartResult["counts"]): string[] {
  if (counts.rebuilt > 0 || counts.failed > 0 || counts.held > 0) return [];
  return isAgain
    ? ["Nothing new since the last run: every image runs all that its suites offer."]
    : [
        "The newest point release left nothing to patch: the security and updates suites offer nothing newer for these images. `npm start -- --replay` shows the loop on a small shipped archive.",
      ];
}

function brokenPromises(facts: {
  readonly rows: readonly QuickstartRow[];
  readonly morning: Morning;
  readonly failed: readonly Rebuild[];
  readonly left: readonly string[];
  readonly alarms: readonly { readonly subject: string; readonly message: string }[];
}): string[] {
  const { rows, morning, failed, left, alarms } = facts;
  const { planted } = morning;
  const broken: string[] = [];
  for (const { image, to } of rows) if (to === null) broken.push(`${image} is not in production`);
  for (const { image, lastError } of failed)
    if (!planted.includes(image)) broken.push(`${image} failed: ${lastError?.message ?? "for no known reason"}`);
  for (const image of left) if (!planted.includes(image)) broken.push(`${image} is not up to date`);
  for (const { subject, message } of alarms)
    if (!planted.some((image) => subject.startsWith(`${image}:`))) broken.push(`an alarm stands: ${message}`);
  if (planted.length === 0) return broken;
  const outcome = (image: string) => rows.find((row) => row.image === image)?.outcome;
  if (outcome("tide-beacon") !== "failed" && !morning.isAgain)
    broken.push("the broken update of tide-beacon was not stopped");
  if (outcome("tide-lamp") !== "rolled-back" && !morning.isAgain) broken.push("tide-lamp was not taken back");
  return broken;
}

function longest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
