import { frameworks, judgeDeadline, milestones, type Milestone } from "../../core/exposure/index.ts";
import { loadFeeds } from "../../io/feeds/index.ts";
import type { Exposure } from "../../io/store/index.ts";
import type { Context } from "../../loop/context.ts";
import { formatInstant, type ExposureView, type OperationHandlers } from "../../operation/index.ts";

const day = 86_400_000;

/** `exposure`: what environments are exposed to, and, on request, what lately ended. */
export function createExposure(ctx: Context): OperationHandlers["exposure"] {
  return async ({ image, environment, advisory, days, limit }) => {
    const now = ctx.clock.now();
    const [rows, { doubts }] = await Promise.all([
      ctx.store.loadExposures({
        ...(image === undefined ? {} : { image }),
        ...(environment === undefined ? {} : { environment }),
        ...(advisory === undefined ? {} : { advisory }),
        endedSince: days === 0 ? now + 1 : now - days * day,
        limit,
      }),
      loadFeeds(ctx.feeds),
    ]);
    return { at: formatInstant(now), doubts: [...doubts], exposures: rows.map((row) => describeExposure(row, now)) };
  };
}

/** An exposure in the shape of the contract. */
export function describeExposure(row: Exposure, now: number): ExposureView {
  const moments: Readonly<Record<Milestone, number | null>> = {
    published: row.published,
    "fix-available": row.fixAvailable,
    detected: row.detected,
    built: row.built,
    verified: row.verified,
    promoted: row.promoted,
    deployed: row.deployed,
    closed: row.closed,
  };
  const end = row.closed ?? now;
  return {
    image: row.image,
    environment: row.environment,
    advisory: row.advisory,
    aliases: [...row.aliases],
    life: row.life,
    severity: row.severity,
    exploitedSince: row.exploitedSince === null ? null : formatInstant(row.exploitedSince),
    milestones: milestones.map((name) => {
      const at = moments[name];
      return { name, at: at === null ? null : formatInstant(at), source: row.sources[name] ?? null };
    }),
    end: row.endKind,
    digest: row.digest,
    exposedSeconds: end < row.detected ? null : Math.round((end - row.detected) / 1000),
    deadlines: frameworks.flatMap((framework) => {
      const at = row.due[framework];
      if (at === undefined) return [];
      return [{ framework, at: formatInstant(at), verdict: judgeDeadline({ at }, row, now) }];
    }),
  };
}
