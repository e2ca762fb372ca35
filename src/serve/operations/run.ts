import { lineageOf } from "../../core/config/index.ts";
import type { Rebuild } from "../../io/store/index.ts";
import type { Context } from "../../loop/context.ts";
import type { PassOptions, PassResult } from "../../loop/drive.ts";
import {
  describeCause,
  describeReasons,
  formatInstant,
  type OperationHandlers,
  type Run,
} from "../../operation/index.ts";
import { requireImage } from "./find-name.ts";

export interface RunDeps {
  readonly pass: (options: PassOptions) => Promise<PassResult>;
}

/** `run`: one pass of the loop, of some images and what they are built on, or of all. Throws NOT_FOUND. */
export function createRun(ctx: Context, { pass }: RunDeps): OperationHandlers["run"] {
  return async ({ images: named }) => {
    for (const image of named ?? []) requireImage(ctx.config, image);
    const images =
      named === undefined ? undefined : new Set(named.flatMap((image) => [image, ...lineageOf(ctx.config, image)]));
    const started = ctx.clock.now();
    const { plan, served } = await pass(images === undefined ? {} : { images });
    const rebuilds = await loadTouched(ctx, started, images);
    const ended = (state: Rebuild["state"]) => rebuilds.filter((rebuild) => rebuild.state === state);
    const [views, alarms] = await Promise.all([describeRebuilds(ctx, rebuilds), ctx.store.loadAlarms()]);
    const first = new Set(views.filter(({ from }) => from === null).map(({ id }) => id));
    return {
      startedAt: formatInstant(started),
      seconds: (ctx.clock.now() - started) / 1000,
      images: images?.size ?? Object.keys(ctx.config.images).length,
      built: ended("promoted").filter(({ id }) => first.has(id)).length,
      rebuilt: ended("promoted").filter(({ id }) => !first.has(id)).length,
      unchanged: ended("unchanged").length + plan.untouched.filter(({ image }) => images?.has(image) !== false).length,
      held: plan.held.filter(({ image }) => images?.has(image) !== false).length,
      failed: ended("failed").length,
      rolledBack: served.rolledBack,
      rebuilds: views,
      alarms: alarms.map(({ code, subject, message, hint }) => ({ code, subject, message, hint })),
    };
  };
}

/** Rebuilds that this pass made or worked at, oldest first. */
async function loadTouched(ctx: Context, since: number, images: ReadonlySet<string> | undefined): Promise<Rebuild[]> {
  const all = await ctx.store.loadRebuilds({ limit: 10_000 });
  return all
    .filter(
      ({ updatedAt, image, state }) => updatedAt >= since && state !== "superseded" && images?.has(image) !== false,
    )
    .sort((a, b) => a.createdAt - b.createdAt || (a.image < b.image ? -1 : 1));
}

async function describeRebuilds(ctx: Context, rebuilds: readonly Rebuild[]): Promise<Run["rebuilds"]> {
  const causes = await ctx.store.loadCauses(rebuilds.map(({ id }) => id));
  const last = ctx.config.environments.at(-1)?.name;
  return Promise.all(
    rebuilds.map(async (rebuild) => {
      const { id, image, state, candidate, createdAt, finishedAt, lastError } = rebuild;
      const promotions = candidate === null ? [] : await ctx.store.loadPromotions({ image, rebuild: id });
      const into = promotions.find(({ environment, state: end }) => environment === last && end === "confirmed");
      const views = (causes.get(id) ?? []).map(({ cause }) => describeCause(cause));
      return {
        id,
        image,
        state,
        from: into?.previous ?? null,
        to: candidate,
        seconds: finishedAt === null ? null : Math.max(0, finishedAt - createdAt) / 1000,
        reason: describeReasons(views),
        failure: state === "failed" && lastError !== null ? lastError : null,
      };
    }),
  );
}
