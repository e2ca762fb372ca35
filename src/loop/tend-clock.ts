import { z } from "zod";
import type { Context } from "./context.ts";

const setting = "clock";
const seen = z.object({ at: z.number(), start: z.string(), ms: z.number() });
/** What time servers correct in passing. */
const slackMs = 60_000;
const alarm = { code: "clock-set", subject: "clock" } as const;

/**
 * Sees where the time of day was set since the pass before: it went otherwise than the clock that nobody sets. Then it is told, and what rests until a moment that the wrong clock named is looked at
 * now; what a cool-down or a soak has still to wait is reckoned anew there. Nothing is known across a restart of the machine.
 */
export async function tendClock(ctx: Context): Promise<void> {
  const { clock, store } = ctx;
  const steady = clock.steady?.();
  if (steady === undefined) return;
  const at = clock.now();
  const before = seen.safeParse(await store.loadSetting(setting));
  await store.saveSetting(setting, { at, ...steady });
  if (!before.success || before.data.start !== steady.start) return;
  const setBy = at - before.data.at - (steady.ms - before.data.ms);
  if (Math.abs(setBy) < slackMs) {
    await store.saveAlarmCleared(alarm);
    return;
  }
  const minutes = Math.round(Math.abs(setBy) / 60_000);
  const message =
    setBy > 0
      ? `the clock went forward by ${minutes} minutes more than the machine ran: it was set, or the machine slept`
      : `the clock was set back by ${minutes} minutes`;
  const hint = "Soaks go by another clock and are not shortened; windows, freezes and cool-downs go by this one.";
  const raised = await store.saveAlarm({ ...alarm, severity: "warning", message, hint });
  if (raised.isNew) ctx.emit({ kind: "alarm", message });
  for (const { id } of await store.loadRebuilds({ active: true, states: ["built"], limit: 10_000 }))
    await store.hurryRebuild(id);
}
