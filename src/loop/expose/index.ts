import { setImmediate as nextTurn } from "node:timers/promises";
import { loadFeeds } from "../../io/feeds/index.ts";
import { sha256 } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { deriveExposures, labelsOf } from "./derive-exposures.ts";
import { sloPolicy } from "./slo-policy.ts";

export { labelsOf } from "./derive-exposures.ts";
export { sloPolicy } from "./slo-policy.ts";
export { tendDeadlines } from "./tend-deadlines.ts";

/** Images of one transaction: others come in between. */
const imageBatch = 50;
const setting = "exposure-rules";

type ExposeContext = Pick<Context, "store" | "config" | "feeds" | "signal">;

/**
 * Brings the exposures up to date with what is known: those of every image of which something changed since. Whatever writes a fact down marks its image in the same transaction, so nothing is lost
 * where this is stopped; it goes on where it was. Where what they are judged by changed (deadlines, labels, deployments, what is exploited) all are derived again.
 */
export async function tendExposures(ctx: ExposeContext): Promise<number> {
  const { config, store } = ctx;
  const { generation, signals } = await loadFeeds(ctx.feeds);
  await noteChangedRules(ctx, generation);
  const judging = { config, signals, policy: sloPolicy(config) };
  let written = 0;
  for (;;) {
    const renewed = await store.renewExposures(imageBatch, (facts) => deriveExposures(judging, facts));
    written += renewed.written + renewed.removed;
    if (!renewed.isMore) return written;
    // Leases and probes have their turn.
    await nextTurn();
    ctx.signal.throwIfAborted();
  }
}

async function noteChangedRules(
  { config, feeds, store }: ExposeContext,
  generation: string | undefined,
): Promise<void> {
  const exploited = feeds.filter(({ kind }) => kind === "kev").map(({ name }) => `${name} `);
  const lists = (generation ?? "").split("\n").filter((line) => exploited.some((name) => line.startsWith(name)));
  const labels = Object.keys(config.images).map((image) => [image, labelsOf(config, image)]);
  const { slo, environments, deployments } = config;
  const rules = sha256(
    JSON.stringify({ slo, places: environments.map(({ name }) => name), lists, labels, deployments }),
  );
  if ((await store.loadSetting(setting)) === rules) return;
  await store.noteAllExposures();
  await store.saveSetting(setting, rules);
}
