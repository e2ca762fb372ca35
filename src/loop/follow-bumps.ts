import { setTimeout as delay } from "node:timers/promises";
import { bumpSourceOf } from "../core/config/index.ts";
import { messageOf } from "../lib/index.ts";
import { bumpSources } from "./bump/index.ts";
import type { Context } from "./context.ts";

/** How often it is asked whether a pass has looked at the images anew. */
const lookMs = 5000;

/** Bumps what the passes find, until `signal`: apart from them, for a package manager may take minutes, and a way back waits for nothing. */
export async function followBumps(ctx: Context, signal: AbortSignal): Promise<void> {
  if (!Object.keys(ctx.config.images).some((image) => bumpSourceOf(ctx.config, image) !== undefined)) return;
  const own: Context = { ...ctx, signal: AbortSignal.any([ctx.signal, signal]) };
  let done = 0;
  while (!own.signal.aborted) {
    try {
      const looked = Math.max(0, ...(await ctx.store.loadImageRemedies()).map(({ at }) => at));
      if (looked > done) {
        await bumpSources(own);
        done = looked;
      }
    } catch (error) {
      // The next look starts from the stored facts.
      if (!own.signal.aborted) ctx.log.error({ error: messageOf(error) }, "bumps could not be looked at");
    }
    await delay(lookMs, undefined, { signal: own.signal }).catch(() => undefined);
  }
}
