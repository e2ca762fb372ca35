import type { ExternalRun } from "../io/store/index.ts";
import type { Context } from "./context.ts";

const minute = 60_000;
/** How long a pipeline is asked to end a run that nobody wants any more. */
const patienceMs = 24 * 60 * minute;

/** Has pipelines end the runs that nobody wants any more: those that took too long, and those of rebuilds that have ended, where a newer one took their place. What cannot be ended now is tried again; what gives a digest all the same gives it to nobody. */
export async function withdrawRuns(ctx: Context): Promise<void> {
  for (const run of await ctx.store.loadUnwantedRuns()) {
    ctx.signal.throwIfAborted();
    await withdraw(ctx, run);
  }
}

async function withdraw(ctx: Context, run: ExternalRun & { readonly image: string }): Promise<void> {
  const { store, signal, config, clock } = ctx;
  const declared = config.images[run.image];
  const state = run.state === "late" ? "late" : "withdrawn";
  const close = (reason: string) =>
    store.saveRunWithdrawn(run.id, {
      state,
      reason: run.state === "late" ? (run.reason ?? reason) : reason,
      closed: true,
    });
  if (declared?.recipe !== "external") return void (await close("its image has another recipe by now"));
  // It was intended, and never asked for.
  if (run.triedAt === null) return void (await close("it was not asked for"));
  const pipeline = ctx.pipelineOf(declared);
  let at = { run: run.run ?? undefined, url: run.url ?? undefined };
  if (at.run === undefined) {
    const found = await pipeline.find(run.name, run.askedAt, signal);
    if (found.kind === "found") at = found;
    else if (found.kind === "hidden") return void (await close("its pipeline cannot be asked to end it"));
  }
  const ended = at.run === undefined ? undefined : await pipeline.cancel(at, signal);
  if (ended?.kind === "cancelled") {
    ctx.emit({
      kind: "note",
      image: run.image,
      rebuild: run.rebuild,
      message: `${run.place} was asked to end its run`,
    });
    return void (await close("its pipeline was asked to end it"));
  }
  if (ended?.kind === "over") return void (await close("it had ended"));
  if (ended?.kind === "hidden") return void (await close("its pipeline cannot be asked to end it"));
  const now = clock.now();
  if (now - run.askedAt > patienceMs) return void (await close("its pipeline did not answer"));
  const afterMs = ended?.kind === "later" ? (ended.afterMs ?? 0) : 0;
  await store.saveRunWithdrawn(run.id, { lookAt: now + Math.max(minute, afterMs) });
}
