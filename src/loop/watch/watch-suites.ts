import { DistroError, type SuiteSource } from "../../io/distro/index.ts";
import { messageOf } from "../../lib/index.ts";
import type { Context } from "../context.ts";

export interface Watched {
  /** Names of the upstreams that offer something new. */
  readonly updated: readonly string[];
  /** Those that could not be believed or reached; the last good generation stays. */
  readonly failed: readonly { readonly upstream: string; readonly message: string }[];
}

const atOnce = 3;

/** Asks every suite for what it offers, and writes down what was seen and when. A suite that fails raises an alarm and stops no other. */
export async function watchSuites(ctx: Context): Promise<Watched> {
  const sources = [...ctx.suites.values()].flat();
  await ctx.store.saveUpstreams(
    sources.map(({ name, suite, codename, security }) => ({
      name,
      kind: "suite",
      detail: { suite, codename, security },
    })),
  );
  const updated: string[] = [];
  const failed: { upstream: string; message: string }[] = [];
  const waiting = [...sources];
  const worker = async (): Promise<void> => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      const outcome = await watchSuite(ctx, source);
      if (outcome.kind === "failed") failed.push({ upstream: source.name, message: outcome.message });
      else if (outcome.isNew) updated.push(source.name);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { updated, failed };
}

type Outcome =
  { readonly kind: "seen"; readonly isNew: boolean } | { readonly kind: "failed"; readonly message: string };

async function watchSuite(ctx: Context, source: SuiteSource): Promise<Outcome> {
  const alarm = { code: "upstream-failing", subject: source.name } as const;
  try {
    const { generation } = await ctx.distro.refresh(source, ctx.signal);
    const { digest, date, validUntil, suite, codename } = generation;
    const detail = { suite, codename, date, validUntil: validUntil ?? null };
    const seen = await ctx.store.saveObservation({ upstream: source.name, contentKey: digest, detail });
    await ctx.store.saveUpstreamAttempt(source.name);
    await ctx.store.saveAlarmCleared(alarm);
    if (seen.isNew) {
      const day = new Date(date).toISOString().slice(0, 16).replace("T", " ");
      ctx.emit({ kind: "observed", message: `${source.name}: a new generation of ${day} UTC` });
    }
    return { kind: "seen", isNew: seen.isNew };
  } catch (error) {
    ctx.signal.throwIfAborted();
    const message = messageOf(error);
    const code = error instanceof DistroError ? error.code : "INTERNAL";
    const hint = error instanceof DistroError ? (error.hint ?? null) : null;
    await ctx.store.saveUpstreamAttempt(source.name, { code, message, hint });
    const raised = await ctx.store.saveAlarm({
      ...alarm,
      severity: "error",
      message,
      ...(hint === null ? {} : { hint }),
    });
    if (raised.isNew) ctx.emit({ kind: "alarm", message });
    return { kind: "failed", message };
  }
}
