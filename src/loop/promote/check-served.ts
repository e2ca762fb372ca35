import type { Pointer } from "../../io/store/index.ts";
import { messageOf, type Digest, type Instant } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { findUnpullable } from "./find-unpullable.ts";
import { moveTag, whoseTag } from "./move-tag.ts";
import { obeyMovedTag } from "./obey-moved-tag.ts";
import { conflictAlarm, raiseConflict } from "./promote-candidate.ts";
import { takeBack } from "./take-back.ts";

export interface ServedReport {
  readonly checked: number;
  readonly repaired: number;
  readonly rolledBack: number;
}

/** Looks at what is served for the environments of a fleet; one that lasts remembers what it has looked at. */
export type ServedCheck = (ctx: Context, which?: (pointer: Pointer) => boolean) => Promise<ServedReport>;

const hour = 3_600_000;
/** How long a digest that could be pulled whole is believed to be so. */
const believedMs = 6 * hour;
const atOnce = 8;

/**
 * A check of what the registry serves for every environment: a tag that a late write of ours left behind is put right, one that a person moved back is obeyed, one that somebody else moved is a conflict, and an
 * image that can no longer be pulled whole is taken back to the last good digest. Tags are asked for every time, whole images after their promotion and every few hours. A
 * registry that does not answer decides nothing.
 */
export function createServedCheck(): ServedCheck {
  const believed = new Map<string, { readonly digest: Digest; readonly at: Instant }>();
  return async (ctx, which = () => true) => {
    const pointers = (await ctx.store.loadPointers()).filter(
      (one) => ctx.config.images[one.image] !== undefined && which(one),
    );
    const standing = new Set((await ctx.store.loadAlarms()).map(({ code, subject }) => `${code} ${subject}`));
    const outcomes: Outcome[] = [];
    const waiting = [...pointers];
    const look = async (): Promise<void> => {
      for (let pointer = waiting.shift(); pointer !== undefined; pointer = waiting.shift()) {
        ctx.signal.throwIfAborted();
        const { image, environment, digest } = pointer;
        if (digest === null) continue;
        const key = `${image}:${environment}`;
        const known = believed.get(key);
        const now = ctx.clock.now();
        const isBelieved = known?.digest === digest && now - known.at < believedMs;
        const outcome = await lookAt(ctx, { image, environment, digest }, standing, isBelieved);
        if (!isBelieved && outcome === "fine") believed.set(key, { digest, at: now });
        outcomes.push(outcome);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, look));
    const count = (kind: Outcome): number => outcomes.filter((outcome) => outcome === kind).length;
    return { checked: pointers.length, repaired: count("repaired"), rolledBack: count("taken back") };
  };
}

type Outcome = "fine" | "repaired" | "conflict" | "moved back" | "taken back" | "unhealthy" | "not known";

async function lookAt(
  ctx: Context,
  pointer: { readonly image: string; readonly environment: string; readonly digest: Digest },
  standing: ReadonlySet<string>,
  isBelieved: boolean,
): Promise<Outcome> {
  const { image, environment, digest } = pointer;
  const clear = async (alarm: { readonly code: string; readonly subject: string }): Promise<void> => {
    if (standing.has(`${alarm.code} ${alarm.subject}`)) await ctx.store.saveAlarmCleared(alarm);
  };
  try {
    const repository = ctx.repositoryOf(image);
    const tagged = (await repository.resolve(environment, ctx.signal))?.digest;
    if (tagged !== digest) {
      // Who moves it meanwhile sees to the tag: what was read of the pointer is old.
      if ((await loadNamed(ctx, image, environment)) !== digest) return "not known";
      if (tagged !== undefined && (await whoseTag(ctx, pointer, tagged)) === "moved-back")
        return (await obeyMovedTag(ctx, pointer, tagged)) ? "moved back" : "conflict";
      const moved = await moveTag(ctx, pointer);
      if (moved.kind === "conflict") {
        await raiseConflict(ctx, pointer, moved.found);
        return "conflict";
      }
      const named = await loadNamed(ctx, image, environment);
      // Whoever began to move it between the look and the repair may have been quicker with the tag.
      if (named !== undefined && named !== digest) await moveTag(ctx, { image, environment, digest: named });
    }
    await clear(conflictAlarm(image, environment));
    const problem = isBelieved ? undefined : await findUnpullable(repository, digest, ctx.signal);
    if (problem !== undefined) {
      const message = `${image}@${digest} cannot be pulled from ${environment}: ${problem}`;
      const reason = `unhealthy after promotion: ${problem}`;
      const alarm = unhealthyAlarm(image, environment);
      return (await takeBack(ctx, { ...pointer, message, reason, alarm })) ? "taken back" : "unhealthy";
    }
    await clear(unhealthyAlarm(image, environment));
    return tagged === digest ? "fine" : "repaired";
  } catch (error) {
    ctx.signal.throwIfAborted();
    ctx.log.warn({ image, environment, error: messageOf(error) }, "what is served could not be looked at");
    return "not known";
  }
}

/** What an environment's tag is to name: what is on its way there, else what the pointer names. */
async function loadNamed({ store }: Context, image: string, environment: string): Promise<Digest | undefined> {
  const [intents, pointers] = await Promise.all([store.loadOpenIntents(), store.loadPointers(image)]);
  const isHere = (one: { readonly image: string; readonly environment: string }): boolean =>
    one.image === image && one.environment === environment;
  return intents.find(isHere)?.digest ?? pointers.find(isHere)?.digest ?? undefined;
}

function unhealthyAlarm(image: string, environment: string): { readonly code: string; readonly subject: string } {
  return { code: "unhealthy", subject: `${image}:${environment}` };
}
