import type { Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { conflictAlarm, raiseConflict } from "./promote-candidate.ts";
import { rollBack } from "./roll-back.ts";

/** Who it is that moved a tag, the registry does not say. */
const somebody = "somebody, by tag";

interface Named {
  readonly image: string;
  readonly environment: string;
  readonly digest: Digest;
}

/**
 * Obeys a person who went back by moving an environment's tag to a digest that was good there: what was left is quarantined with what it brought, and the environment is held until a person resumes it.
 * The tag stays as it is. False where that cannot be recorded: then it is a conflict.
 */
export async function obeyMovedTag(ctx: Context, pointer: Named, found: Digest): Promise<boolean> {
  const { environment } = pointer;
  const reason = `the tag ${environment} was moved back to ${found} by hand`;
  if (await obeyPerson(ctx, pointer, found, { who: somebody, reason })) return true;
  await raiseConflict(ctx, pointer, found);
  return false;
}

/** Holds an environment that a person changed until a person resumes it, and records that it went back to `found`. False where that cannot be: it names no digest, or none that was good there. */
export async function obeyPerson(
  ctx: Context,
  { image, environment, digest }: Named,
  found: Digest | undefined,
  { who, reason }: { readonly who: string; readonly reason: string },
): Promise<boolean> {
  const { store } = ctx;
  const holds = await store.loadHolds(image);
  const isHeld = holds.some((one) => one.image === image && one.environment === environment && one.byPerson);
  // The hold comes first: once pointer and tag agree nobody would see that it is missing.
  if (!isHeld) {
    await store.saveHold({ image, environment, byPerson: true, who, reason, until: null });
    ctx.emit({ kind: "held", image, environment, message: reason });
  }
  if (found === undefined) return false;
  const outcome = await rollBack(ctx, { image, environment, by: who, reason, digest: found, leaving: digest });
  if (outcome.kind === "refused") {
    ctx.log.warn({ image, environment, reasons: outcome.reasons }, "a person's way back could not be obeyed");
    return false;
  }
  await store.saveAlarmCleared(conflictAlarm(image, environment));
  return true;
}
