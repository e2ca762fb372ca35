import type { Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { rollBack, type RolledBack } from "./roll-back.ts";

/** What an environment names and must not go on naming. */
export interface Unhealthy {
  readonly image: string;
  readonly environment: string;
  readonly digest: Digest;
  /** What stands in the alarm, with all that was seen. */
  readonly message: string;
  /** Why it is taken back, for the record. */
  readonly reason: string;
  readonly alarm: { readonly code: string; readonly subject: string };
  /** What was seen, as data. */
  readonly evidence?: Readonly<Record<string, unknown>>;
}

/**
 * Takes an environment back from a digest that turned out to be unhealthy: alarm, quarantine, the last good digest. Where there is nothing to go back to the digest is quarantined all the
 * same; where there was something and it can no longer be pulled, the environment is held until a person decides. Can be done again.
 */
export async function takeBack(ctx: Context, unhealthy: Unhealthy): Promise<boolean> {
  const { store } = ctx;
  const { image, environment, digest, message, reason, alarm, evidence } = unhealthy;
  const raised = await store.saveAlarm({ ...alarm, severity: "error", message });
  if (raised.isNew) ctx.emit({ kind: "alarm", image, environment, digest, message });
  const outcome = await rollBack(ctx, {
    image,
    environment,
    by: "tidemill",
    reason,
    leaving: digest,
    ...(evidence === undefined ? {} : { detail: evidence }),
  });
  if (outcome.kind === "rollback") return true;
  ctx.log.error({ image, environment, reasons: outcome.reasons }, "there is nothing to go back to");
  const pointer = (await store.loadPointers(image)).find((one) => one.environment === environment);
  if (pointer?.digest !== digest) return false;
  await store.saveQuarantine({ image, digest, packages: [], reason, who: "tidemill" });
  if (outcome.gone.length > 0) await hold(ctx, unhealthy, outcome);
  return false;
}

async function hold(ctx: Context, { image, environment }: Unhealthy, { gone }: RolledBack): Promise<void> {
  const reason = `what it could go back to cannot be pulled: ${gone.map(({ digest, problem }) => `${digest}: ${problem}`).join("; ")}`;
  const holds = await ctx.store.loadHolds(image);
  if (holds.some((one) => one.image === image && one.environment === environment)) return;
  await ctx.store.saveHold({ image, environment, byPerson: false, who: "tidemill", reason, until: null });
  ctx.emit({ kind: "held", image, environment, message: reason });
}
