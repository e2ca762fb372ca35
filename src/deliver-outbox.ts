import { messageOf } from "./lib/index.ts";
import type { Context } from "./loop/context.ts";
import { deliverNotifications } from "./serve/index.ts";

const failing = { code: "notifications-failing", subject: "webhook" } as const;

/** Sends the notifications that are due to the configured webhook. What stops delivery altogether is an alarm; a receiver that is down is not: it is asked again. */
export async function deliverOutbox(ctx: Context): Promise<void> {
  const { webhook } = ctx.config.notifications;
  if (webhook === undefined) return;
  const means = { fetch, clock: ctx.clock, random: Math.random, signal: ctx.signal };
  try {
    while ((await deliverNotifications(ctx.store, webhook, means)).delivered > 0) continue;
    await ctx.store.saveAlarmCleared(failing);
  } catch (error) {
    if (ctx.signal.aborted) return;
    const hint = "Nobody is told of anything until it is put right: see `notifications:` of the configuration.";
    await ctx.store.saveAlarm({ ...failing, severity: "error", message: messageOf(error), hint });
  }
}
