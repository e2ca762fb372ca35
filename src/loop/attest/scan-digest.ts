import { keysOf, matchAdvisories } from "../../core/advisory/index.ts";
import type { ScanFacts } from "../../core/evidence/index.ts";
import type { Inventory } from "../../core/inventory/index.ts";
import { loadFeeds } from "../../io/feeds/index.ts";
import type { ImageDigest } from "../../io/store/index.ts";
import type { Context } from "../context.ts";
import { loadFleetVex } from "../fleet-vex.ts";
import { madeFromOf } from "../made-from.ts";

/** What the feeds say now of a digest on each platform, with what is said of that. Without a feed nothing is known, and so it is put down. */
export async function scanDigest(
  ctx: Context,
  row: ImageDigest,
  inventories: ReadonlyMap<string, Inventory>,
): Promise<Omit<ScanFacts, "rebuild">> {
  const started = ctx.clock.now();
  const feeds = await loadFeeds(ctx.feeds);
  const vex = await loadFleetVex(ctx, [row]);
  const madeFrom = madeFromOf(ctx.config, row.image);
  const platforms: ScanFacts["platforms"][number][] = [];
  for (const [platform, inventory] of inventories) {
    const index = await feeds.lookup(keysOf(inventory, madeFrom));
    const report = matchAdvisories(inventory, index, madeFrom, feeds.signals);
    const reasons = [...new Set([...inventory.problems, ...report.reasons, ...feeds.doubts])];
    const isKnown = reasons.length === 0 && report.state === "known" && inventory.status === "complete";
    const findings = vex.apply(report.findings, row, inventory);
    platforms.push({ platform, state: isKnown ? "known" : "unknown", reasons, findings });
  }
  return {
    platforms,
    feeds: feeds.statuses.map(({ name, newest }) => ({ name, newest })),
    started,
    finished: ctx.clock.now(),
  };
}
