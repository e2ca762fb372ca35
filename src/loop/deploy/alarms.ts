import type { Place } from "../../io/deploy/index.ts";
import type { Context } from "../context.ts";

/** What may be wrong with a place. Of one place one stands at a time. */
const codes = ["deploy-stuck", "deploy-conflict", "deploy-absent"] as const;

export const placeAlarms: ReadonlySet<string> = new Set(codes);

export type PlaceAlarm = (typeof codes)[number];

/** What an alarm of a place is about: `web in shop`. */
export function placeSubject({ deployment, image }: Pick<Place, "deployment" | "image">): string {
  return `${image} in ${deployment}`;
}

/** What is told where a digest could not be deployed to an environment. */
export function failedAlarm(place: Pick<Place, "image" | "environment">): {
  readonly code: string;
  readonly subject: string;
} {
  return { code: "deploy-failed", subject: `${place.image}:${place.environment}` };
}

/** Raises the one alarm of a place, and clears its others. */
export async function raisePlaceAlarm(
  ctx: Context,
  place: Place,
  alarm: { readonly code: PlaceAlarm; readonly message: string; readonly hint: string },
): Promise<void> {
  const { image, environment } = place;
  const raised = await ctx.store.saveAlarm({ ...alarm, subject: placeSubject(place), severity: "error" });
  if (raised.isNew) ctx.emit({ kind: "alarm", image, environment, message: alarm.message });
  await clearPlaceAlarms(ctx, place, alarm.code);
}

/** Clears the alarms of a place that stand, but for one. */
export async function clearPlaceAlarms(ctx: Context, place: Place, but?: PlaceAlarm): Promise<void> {
  const subject = placeSubject(place);
  const standing = await ctx.store.loadAlarms();
  for (const code of codes)
    if (code !== but && standing.some((one) => one.code === code && one.subject === subject))
      await ctx.store.saveAlarmCleared({ code, subject });
}
