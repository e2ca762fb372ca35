import { z } from "zod";
import { stuckReason } from "../../core/exposure/index.ts";
import type { Exposure, Hold, Rebuild } from "../../io/store/index.ts";
import { tryShape, type Instant } from "../../lib/index.ts";
import type { Context } from "../context.ts";

const nearCode = "slo-near";
const missedCode = "slo-missed";
/** Exposures that one look reads, those of the nearest deadline first. */
const most = 10_000;

const lastPlan = z.object({ held: z.array(z.object({ image: z.string(), reason: z.string() })) });

/** What is known of why an image does not move. */
interface Hindrances {
  readonly holds: readonly Hold[];
  readonly failed: ReadonlyMap<string, Rebuild>;
  readonly planned: ReadonlyMap<string, string>;
}

/**
 * Warns of the deadlines that come near and raises an alarm for those that are missed, one for each image in an environment, with the reason that the first of them is stuck; clears those that are over.
 * Only deadlines that the configuration watches count.
 */
export async function tendDeadlines(ctx: Pick<Context, "store" | "clock" | "emit">): Promise<void> {
  const { store, clock } = ctx;
  const now = clock.now();
  const [rows, standing] = await Promise.all([store.loadWarnedExposures(now, most), store.loadAlarms()]);
  const wanted = Map.groupBy(
    rows.filter(({ dueAt }) => dueAt !== null),
    (row) => `${(row.dueAt ?? now) < now ? missedCode : nearCode} ${row.image}:${row.environment}`,
  );
  for (const { code, subject } of standing) {
    const isOurs = code === nearCode || code === missedCode;
    if (isOurs && !wanted.has(`${code} ${subject}`)) await store.saveAlarmCleared({ code, subject });
  }
  if (wanted.size === 0) return;
  const hindrances = await loadHindrances(ctx);
  for (const [key, group] of wanted) {
    const [code = "", subject = ""] = key.split(" ");
    const isMissed = code === missedCode;
    const message = describe(group, isMissed, hindrances);
    const hint = `\`tidemill exposure ${group[0]?.image ?? ""}\` shows each with what was done; \`tidemill status ${group[0]?.image ?? ""}\` what it waits for.`;
    const raised = await store.saveAlarm({ code, subject, severity: isMissed ? "error" : "warning", message, hint });
    if (raised.isNew) ctx.emit({ kind: "alarm", message });
  }
}

function describe(group: readonly Exposure[], isMissed: boolean, hindrances: Hindrances): string {
  const [first] = group;
  if (first === undefined) return "";
  const { image, environment, advisory, severity, dueAt, dueRule } = first;
  const count = group.length === 1 ? "an exposure" : `${group.length} exposures`;
  const verb = isMissed
    ? group.length === 1
      ? "is past its deadline"
      : "are past their deadline"
    : "must be closed soon";
  const day = dueAt === null ? "" : ` by ${isoMinute(dueAt)}`;
  const { reason } = stuckReason(factsOf(first, hindrances));
  return `${image} in ${environment}: ${count} ${verb}, first ${advisory} (${severity})${day} (${dueRule ?? "deadline"}): ${reason}`;
}

function factsOf(row: Exposure, { holds, failed, planned }: Hindrances): Parameters<typeof stuckReason>[0] {
  const { image, environment } = row;
  const hold = holds.find(
    (one) =>
      (one.image === null || one.image === image) && (one.environment === null || one.environment === environment),
  );
  const failure = failed.get(image)?.lastError;
  return {
    hasFix: row.fixAvailable !== null,
    hold: hold === undefined ? undefined : `it is on hold: ${hold.reason} (${hold.who})`,
    deployment:
      row.promoted === null ? undefined : `${environment} names a digest that cures it, which is not seen to run`,
    ...(row.promoted === null && row.built !== null
      ? { inFlight: { kind: "in-progress", reason: underWay(row) } as const }
      : {}),
    failed:
      failure === undefined || failure === null
        ? undefined
        : { isCheck: false, reason: `its newest rebuild failed: ${failure.message}` },
    planned: planned.get(image),
  };
}

function underWay({ verified, environment }: Exposure): string {
  return verified === null
    ? `what cures it is built, and has not passed its checks for ${environment}`
    : `what cures it has passed its checks, and ${environment} does not name it yet`;
}

async function loadHindrances({ store }: Pick<Context, "store">): Promise<Hindrances> {
  const [holds, failures, plan] = await Promise.all([
    store.loadHolds(),
    store.loadLastFailures(),
    store.loadSetting("last-plan"),
  ]);
  const shaped = tryShape(lastPlan, plan);
  return {
    holds,
    failed: new Map(failures.map((one) => [one.image, one])),
    planned: new Map((shaped.success ? shaped.data.held : []).map(({ image, reason }) => [image, reason])),
  };
}

function isoMinute(at: Instant): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
