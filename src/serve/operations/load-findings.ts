import { setImmediate as nextTurn } from "node:timers/promises";
import {
  keysOf,
  isSettled,
  knownIds,
  matchAdvisories,
  type AdvisoryReport,
  type Finding,
} from "../../core/advisory/index.ts";
import { loadFeeds } from "../../io/feeds/index.ts";
import type { ImageDigest } from "../../io/store/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import { loadFleetVex } from "../../loop/fleet-vex.ts";
import { madeFromOf } from "../../loop/made-from.ts";

/** A vulnerability of a digest, by the word of a feed. */
export interface OpenAdvisory {
  /** As readers know it: its CVEs and its DSA. */
  readonly ids: readonly string[];
  /** Whether some version is known to cure it. */
  readonly isCurable: boolean;
  readonly published: Instant | undefined;
}

/** What the feeds say of one digest. */
export interface Findings {
  /** Whether every package of every platform could be looked up: only then does no finding mean that there is none. */
  readonly isComplete: boolean;
  readonly open: readonly OpenAdvisory[];
}

/** By the context's feeds: by inventory and what it was made from, as long as they say the same. */
const remembered = new WeakMap<
  Context["feeds"],
  { readonly generation: string; readonly known: Map<string, Findings> }
>();
const mostRemembered = 5000;
/** Inventories that are loaded and matched in one go. */
const stride = 50;

/** What the feeds say of these digests; without a feed that was read, of none. Each inventory is matched once for each generation of the feeds. */
export async function loadFindings(ctx: Context, digests: readonly Digest[]): Promise<ReadonlyMap<Digest, Findings>> {
  const feeds = await loadFeeds(ctx.feeds);
  const { generation } = feeds;
  if (generation === undefined || digests.length === 0) return new Map();
  const rows = await ctx.store.loadDigests(digests);
  const last = remembered.get(ctx.feeds);
  const known = last?.generation === generation ? last.known : new Map<string, Findings>();
  remembered.set(ctx.feeds, { generation, known });
  const vex = await loadFleetVex(ctx, rows);
  const nameIn = (row: ImageDigest, key: Digest): string =>
    `${madeFromOf(ctx.config, row.image) ?? ""} ${key} ${vex.key(row)}`;
  const wanted = new Map<string, Wanted>();
  const found = new Map<string, Findings>();
  for (const row of rows) {
    const madeFrom = madeFromOf(ctx.config, row.image);
    for (const key of Object.values(row.inventories)) {
      const name = nameIn(row, key);
      const before = known.get(name);
      if (before === undefined) wanted.set(name, { key, madeFrom, row });
      else found.set(name, before);
    }
  }
  if (known.size + wanted.size > mostRemembered) known.clear();
  const missing = [...wanted];
  for (let at = 0; at < missing.length; at += stride) {
    const some = missing.slice(at, at + stride);
    const inventories = await ctx.store.loadInventories(some.map(([, { key }]) => key));
    const keys = some.flatMap(([, { key, madeFrom }]) => {
      const inventory = inventories.get(key);
      return inventory === undefined ? [] : keysOf(inventory, madeFrom);
    });
    const index = await feeds.lookup(keys);
    if (index === undefined) return new Map();
    for (const [name, { key, madeFrom, row }] of some) {
      const inventory = inventories.get(key);
      if (inventory === undefined) continue;
      const findings = findingsOf(matchAdvisories(inventory, index, madeFrom), (list) =>
        vex.apply(list, row, inventory),
      );
      found.set(name, findings);
      if (known.size < mostRemembered) known.set(name, findings);
    }
    await nextTurn();
  }
  return new Map(rows.map((row) => [row.digest, joinPlatforms(row, (key) => found.get(nameIn(row, key)))]));
}

interface Wanted {
  readonly key: Digest;
  readonly madeFrom: string | undefined;
  /** One of the digests that hold it of which the same is said. */
  readonly row: ImageDigest;
}

/** What is open of a report: what people and documents say does not matter, or is fixed, is not. */
function findingsOf(report: AdvisoryReport, said: (findings: readonly Finding[]) => Finding[]): Findings {
  const findings = said(report.findings).filter((finding) => !isSettled(finding));
  // What a distribution has not decided yet is open: it is no doubt about what was read.
  const affected = findings.filter(({ state, judgement }) => state === "affected" || judgement === "undetermined");
  const byIds = new Map<string, OpenAdvisory>();
  for (const finding of affected) {
    const ids = knownIds(finding);
    const other = byIds.get(ids.join(" "));
    const isCurable = finding.fixed !== undefined || other?.isCurable === true;
    byIds.set(ids.join(" "), { ids, isCurable, published: finding.published });
  }
  return {
    isComplete: report.state === "known" && affected.length === findings.length,
    open: [...byIds.values()],
  };
}

function joinPlatforms({ inventories }: ImageDigest, findingsOfKey: (key: Digest) => Findings | undefined): Findings {
  const parts = Object.values(inventories).map(findingsOfKey);
  return {
    isComplete: parts.length > 0 && parts.every((part) => part?.isComplete === true),
    open: parts.flatMap((part) => part?.open ?? []),
  };
}
