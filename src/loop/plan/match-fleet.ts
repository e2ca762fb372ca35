import { setImmediate as nextTurn } from "node:timers/promises";
import {
  keysOf,
  matchAdvisories,
  type AdvisoryIndex,
  type AdvisoryReport,
  type Finding,
  type Signals,
} from "../../core/advisory/index.ts";
import type { Inventory } from "../../core/inventory/index.ts";
import { createPackageJudge, type PackageJudge } from "../../core/remedy/index.ts";
import { loadFeeds } from "../../io/feeds/index.ts";
import type { ImageDigest } from "../../io/store/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { loadFleetVex } from "../fleet-vex.ts";
import type { LoadedVex } from "../load-vex.ts";
import { madeFromOf } from "../made-from.ts";

/** What is found in an image on one platform. */
export interface MatchedPlatform {
  readonly platform: string;
  readonly inventory: Inventory;
  readonly report: AdvisoryReport;
  /** Undefined without a feed. */
  readonly judge: PackageJudge | undefined;
}

/** What is found in every image of a fleet, by image. */
export interface MatchedFleet {
  readonly images: ReadonlyMap<string, readonly MatchedPlatform[]>;
  readonly vex: LoadedVex;
}

interface Matched {
  readonly report: AdvisoryReport;
  readonly judge: PackageJudge | undefined;
}

/** By inventory and what it was made from, as long as the feeds say the same. Each holds what the feeds say of its packages. */
const remembered = new WeakMap<
  Context["feeds"],
  { readonly generation: string | undefined; readonly known: Map<string, Matched> }
>();
const mostRemembered = 300;

/** Looks up what the images of a fleet hold, each inventory once, and lets VEX statements speak. */
export async function matchFleet(
  ctx: Context,
  digests: ReadonlyMap<string, ImageDigest>,
  holdings: ReadonlyMap<Digest, Inventory>,
): Promise<MatchedFleet> {
  const { config } = ctx;
  const [feeds, vex] = await Promise.all([loadFeeds(ctx.feeds), loadFleetVex(ctx, digests.values())]);
  const last = remembered.get(ctx.feeds);
  const known = last !== undefined && last.generation === feeds.generation ? last.known : new Map<string, Matched>();
  remembered.set(ctx.feeds, { generation: feeds.generation, known });
  const images = new Map<string, readonly MatchedPlatform[]>();
  for (const [image, row] of digests) {
    const madeFrom = madeFromOf(config, image);
    const platforms: MatchedPlatform[] = [];
    for (const [platform, key] of Object.entries(row.inventories)) {
      const inventory = holdings.get(key);
      if (inventory === undefined) continue;
      const name = `${madeFrom ?? ""} ${key}`;
      let matched = known.get(name);
      if (matched === undefined) {
        matched = match(inventory, await feeds.lookup(keysOf(inventory, madeFrom)), madeFrom);
        if (known.size >= mostRemembered) known.clear();
        known.set(name, matched);
        // A large fleet must not keep leases and probes waiting.
        await nextTurn();
      }
      const { report, judge } = matched;
      const told = report.findings.map((finding) => withSignals(finding, feeds.signals));
      const findings = vex.apply(told, row, inventory);
      platforms.push({ platform, inventory, judge, report: { ...report, findings } });
    }
    images.set(image, platforms);
  }
  return { images, vex };
}

/** What people accepted in an image, by the source of the package: no reason to hurry. */
export function acceptedIn(platforms: readonly MatchedPlatform[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  const open = new Set<string>();
  const each = (visit: (finding: Finding) => void): void => {
    for (const { report } of platforms) for (const finding of report.findings) visit(finding);
  };
  // What is accepted for one package and not for another of the same source stays open.
  each(({ id, source, vex }) => {
    if (vex?.status !== "not_affected" && vex?.status !== "fixed") open.add(`${source} ${id}`);
  });
  each(({ id, aliases, source }) => {
    if (open.has(`${source} ${id}`)) return;
    const ids = found.get(source) ?? new Set();
    for (const name of [id, ...aliases]) ids.add(name);
    found.set(source, ids);
  });
  return found;
}

/** What is known of exploits changes by itself, whatever advisories say: it is asked anew. */
function withSignals(finding: Finding, signals: Signals): Finding {
  const names = [finding.id, ...finding.upstream];
  const exploited = names.map((name) => signals.exploitedOf(name)).find((one) => one !== undefined);
  const scores = names.flatMap((name) => signals.epssOf(name) ?? []);
  return {
    ...finding,
    ...(exploited === undefined ? {} : { exploited }),
    ...(scores.length === 0 ? {} : { epss: Math.max(...scores) }),
  };
}

function match(inventory: Inventory, index: AdvisoryIndex | undefined, madeFrom: string | undefined): Matched {
  return {
    report: matchAdvisories(inventory, index, madeFrom),
    judge: index && createPackageJudge(inventory, index, madeFrom),
  };
}
