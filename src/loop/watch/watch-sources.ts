import { AppError, messageOf } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import type { SourceRef } from "../sources.ts";
import type { Watched } from "./watch-suites.ts";

/**
 * Asks every repository that an image is built from, or those that `isWanted`, what its ref names now, and writes down what was seen. One that fails raises an
 * alarm and stops no other.
 */
export async function watchSources(ctx: Context, isWanted: (ref: SourceRef) => boolean = () => true): Promise<Watched> {
  const refs = ctx.sources.refs().filter(isWanted);
  const known = new Map((await ctx.store.loadUpstreams()).map((row) => [row.name, row.detail["commit"] ?? null]));
  const save = (list: readonly SourceRef[], commit: (name: string) => unknown): Promise<void> =>
    ctx.store.saveUpstreams(
      list.map(({ name, url, ref }) => ({ name, kind: "git", detail: { url, ref, commit: commit(name) } })),
    );
  await save(refs, (name) => known.get(name) ?? null);
  const updated: string[] = [];
  const failed: { upstream: string; message: string }[] = [];
  for (const one of refs) {
    const { name } = one;
    const alarm = { code: "upstream-failing", subject: name } as const;
    try {
      const commit = await ctx.sources.look(name, ctx.signal);
      // What it names now, which may have been seen before: a branch can go back.
      await save([one], () => commit);
      const { isNew } = await ctx.store.saveObservation({ upstream: name, contentKey: commit, detail: { commit } });
      await ctx.store.saveUpstreamAttempt(name);
      await ctx.store.saveAlarmCleared(alarm);
      if (!isNew) continue;
      updated.push(name);
      ctx.emit({ kind: "observed", message: `${name}: commit ${commit.slice(0, 12)}` });
    } catch (error) {
      ctx.signal.throwIfAborted();
      const message = messageOf(error);
      const hint = (error instanceof AppError ? error.hint : undefined) ?? null;
      const code = error instanceof AppError ? error.code : "INTERNAL";
      await ctx.store.saveUpstreamAttempt(name, { code, message, hint });
      const raised = await ctx.store.saveAlarm({
        ...alarm,
        severity: "error",
        message,
        ...(hint === null ? {} : { hint }),
      });
      if (raised.isNew) ctx.emit({ kind: "alarm", message });
      failed.push({ upstream: name, message });
    }
  }
  return { updated, failed };
}
