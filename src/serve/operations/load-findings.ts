import { setImmediate as nextTurn } from "node:timers/promises";
import { knownIds, matchAdvisories, type AdvisoryIndex } from "../../core/advisory/index.ts";
import type { Inventory } from "../../core/inventory/index.ts";
import { loadFeeds } from "../../io/feeds/index.ts";
import type { ImageDigest } from "../../io/store/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";

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

/** By inventory, as long as an index is in use. */
const remembered = new WeakMap<AdvisoryIndex, Map<Digest, Findings>>();
const mostRemembered = 5000;
/** Inventories that are loaded and matched in one go. */
const stride = 50;

/** What the feeds say of these digests; without a feed that was read, of none. Each inventory is matched once for each generation of the feeds. */
export async function loadFindings(ctx: Context, digests: readonly Digest[]): Promise<ReadonlyMap<Digest, Findings>> {
  const { index } = await loadFeeds(ctx.feeds);
  if (index === undefined || digests.length === 0) return new Map();
  const rows = await ctx.store.loadDigests(digests);
  const known = remembered.get(index) ?? new Map<Digest, Findings>();
  remembered.set(index, known);
  const keys = [...new Set(rows.flatMap(({ inventories }) => Object.values(inventories)))];
  const found = new Map<Digest, Findings>();
  const missing = keys.filter((key) => {
    const before = known.get(key);
    if (before !== undefined) found.set(key, before);
    return before === undefined;
  });
  if (known.size + missing.length > mostRemembered) known.clear();
  for (let at = 0; at < missing.length; at += stride) {
    for (const [key, inventory] of await ctx.store.loadInventories(missing.slice(at, at + stride))) {
      const findings = findingsOf(inventory, index);
      found.set(key, findings);
      if (known.size < mostRemembered) known.set(key, findings);
    }
    await nextTurn();
  }
  return new Map(rows.map((row) => [row.digest, joinPlatforms(row, found)]));
}

function findingsOf(inventory: Inventory, index: AdvisoryIndex): Findings {
  const report = matchAdvisories(inventory, index);
  const affected = report.findings.filter(({ state }) => state === "affected");
  const byIds = new Map<string, OpenAdvisory>();
  for (const finding of affected) {
    const ids = knownIds(finding);
    const other = byIds.get(ids.join(" "));
    const isCurable = finding.fixed !== undefined || other?.isCurable === true;
    byIds.set(ids.join(" "), { ids, isCurable, published: finding.published });
  }
  return {
    isComplete: report.state === "known" && affected.length === report.findings.length,
    open: [...byIds.values()],
  };
}

function joinPlatforms({ inventories }: ImageDigest, found: ReadonlyMap<Digest, Findings>): Findings {
  const parts = Object.values(inventories).map((key) => found.get(key));
  return {
    isComplete: parts.length > 0 && parts.every((part) => part?.isComplete === true),
    open: parts.flatMap((part) => part?.open ?? []),
  };
}
