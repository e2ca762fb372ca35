import { setImmediate as nextTurn } from "node:timers/promises";
import { z } from "zod";
import { keysOfUnit, matchUnit, matchUnitsOf, type AdvisoryKey } from "../../core/advisory/index.ts";
import { loadFeeds, type LoadedFeeds } from "../../io/feeds/index.ts";
import type { FindingCounts, MatchedPackage, MatchPackage, SavedMatches } from "../../io/store/index.ts";
import type { Context } from "../context.ts";
import { madeFromOf } from "../made-from.ts";
import { createHolders, type Holders } from "./create-holders.ts";

/** What one look brought. */
export interface MatchResult extends FindingCounts {
  /** Inventories whose packages were written down for the first time. */
  readonly inventories: number;
  /** Packages that were compared with the feeds. */
  readonly packages: number;
}

/** What all packages were last compared with. */
const matchedShape = z.object({ contents: z.record(z.string(), z.string()), checked: z.number() });
const setting = "matched-feeds";

/** Bounds of one transaction: others come in between. */
const inventoryBatch = 10;
const packageBatch = 250;
const keyBatch = 2000;
/** New findings that are told one by one. */
const mostTold = 20;

type MatchContext = Pick<Context, "store" | "feeds" | "config" | "signal" | "emit">;

/**
 * Brings the findings up to date with what the feeds say now. Only what changed is looked at: packages that no inventory had before, and, where a feed has another generation,
 * those that its changed keys speak of. It may be stopped anywhere and run again. Where no feed was read yet, or what was kept of one is damaged, findings stay as they were.
 */
export async function matchFindings(ctx: MatchContext): Promise<MatchResult> {
  const inventories = await indexInventories(ctx);
  const feeds = await loadFeeds(ctx.feeds);
  const total = { inventories, packages: 0, opened: 0, updated: 0, ended: 0 };
  if (feeds.generation === undefined) return total;
  const news: SavedMatches["news"][number][] = [];
  const add = async (packages: readonly MatchPackage[]): Promise<boolean> => {
    const counts = await matchPackages(ctx, feeds, packages);
    if (counts === undefined) return false;
    if (news.length <= mostTold) news.push(...counts.news);
    total.packages += packages.length;
    for (const kind of ["opened", "updated", "ended"] as const) total[kind] += counts[kind];
    return true;
  };
  let isWhole = await matchChanged(ctx, feeds, add);
  while (isWhole) {
    const some = await ctx.store.loadMatchPackages({ unmatched: true }, packageBatch);
    if (some.length === 0) break;
    isWhole = await add(some);
  }
  await tell(ctx, total, news);
  return total;
}

/** Inventories of which the packages are not known by themselves yet. */
async function indexInventories(ctx: MatchContext): Promise<number> {
  let count = 0;
  for (;;) {
    const some = await ctx.store.loadUnindexedInventories(inventoryBatch);
    if (some.length === 0) return count;
    const inventories = await ctx.store.loadInventories(some.map(({ key }) => key));
    await ctx.store.saveInventoryPackages(
      some.flatMap(({ key, madeFrom, image }) => {
        const inventory = inventories.get(key);
        if (inventory === undefined) return [];
        return [{ key, units: matchUnitsOf(inventory, madeFrom ?? madeFromOf(ctx.config, image)) }];
      }),
    );
    count += some.length;
    await rest(ctx);
  }
}

/** Compares the packages that another generation speaks of otherwise; whether all were. */
async function matchChanged(
  ctx: MatchContext,
  feeds: LoadedFeeds,
  add: (packages: readonly MatchPackage[]) => Promise<boolean>,
): Promise<boolean> {
  const { store } = ctx;
  const last = matchedShape.safeParse(await store.loadSetting(setting)).data;
  const checked = Math.max(0, ...feeds.statuses.map((status) => status.checked ?? 0));
  if (last !== undefined && isSame(last.contents, feeds.contents)) return true;
  // Another process that shares the database has read its feeds later: what it found is newer.
  if (last !== undefined && last.checked > checked) return true;
  const keys = last === undefined ? undefined : await feeds.changedSince(last.contents);
  if (keys === undefined) {
    for (let after = 0; ;) {
      const some = await store.loadMatchPackages({ after }, packageBatch);
      const end = some.at(-1);
      if (end === undefined) break;
      if (!(await add(some))) return false;
      after = end.id;
    }
  } else {
    for (let at = 0; at < keys.length; at += keyBatch) {
      const packages = await store.loadPackagesOfKeys(keys.slice(at, at + keyBatch));
      for (let from = 0; from < packages.length; from += packageBatch)
        if (!(await add(packages.slice(from, from + packageBatch)))) return false;
    }
  }
  await store.saveSetting(setting, { contents: feeds.contents, checked });
  return true;
}

async function matchPackages(
  ctx: MatchContext,
  feeds: LoadedFeeds,
  packages: readonly MatchPackage[],
): Promise<SavedMatches | undefined> {
  const asked = packages.map((one) => ({ one, keys: keysOfUnit(one) }));
  const index = await feeds.lookup(asked.flatMap(({ keys }): readonly AdvisoryKey[] => keys));
  if (index === undefined) return undefined;
  const matched: MatchedPackage[] = [];
  for (const [at, { one }] of asked.entries()) {
    matched.push({ id: one.id, ...matchUnit(one, index), withdrawn: index.withdrawn });
    if (at % 50 === 49) await rest(ctx);
  }
  const counts = await ctx.store.saveMatches(matched);
  await rest(ctx);
  return counts;
}

/** Leases and probes have their turn. */
async function rest({ signal }: MatchContext): Promise<void> {
  await nextTurn();
  signal.throwIfAborted();
}

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** By store, what its environments hold: remembered from look to look. */
const holdersOf = new WeakMap<Context["store"], Holders>();

/** A few new findings are told one by one, with how far they reach; many as a number. */
async function tell(ctx: MatchContext, total: MatchResult, news: SavedMatches["news"]): Promise<void> {
  if (total.opened + total.ended === 0) return;
  if (total.opened > mostTold || news.length === 0) {
    const message = `${total.opened} findings opened and ${total.ended} ended, in ${total.packages} packages`;
    ctx.emit({ kind: "note", message });
    return;
  }
  const holders = holdersOf.get(ctx.store) ?? createHolders(ctx.store);
  holdersOf.set(ctx.store, holders);
  for (const [advisory, ones] of Map.groupBy(news, (one) => one.advisory)) {
    const places = await holders.find(ones.map((one) => one.package));
    const some = places
      .slice(0, 3)
      .map(({ image, environment }) => `${image} in ${environment}`)
      .join(", ");
    const more = places.length > 3 ? ` and ${places.length - 3} more` : "";
    const where = places.length === 0 ? "no environment runs it now" : `${some}${more}`;
    ctx.emit({ kind: "note", message: `${advisory} is new: ${where}` });
  }
}
