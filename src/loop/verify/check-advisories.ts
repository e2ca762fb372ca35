import { keysOf, matchAdvisories, type AdvisoryReport } from "../../core/advisory/index.ts";
import type { EnvironmentConfig } from "../../core/config/index.ts";
import { formatPlatform, type Platform } from "../../core/image/index.ts";
import type { Inventory } from "../../core/inventory/index.ts";
import { judgeGate } from "../../core/report/index.ts";
import { loadFeeds, type LoadedFeeds } from "../../io/feeds/index.ts";
import type { ImageDigest } from "../../io/store/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { loadFleetVex, type FleetVex } from "../fleet-vex.ts";
import { madeFromOf } from "../made-from.ts";
import { findMalware } from "../malware.ts";
import type { CheckResult, PlatformFacts } from "./types.ts";

interface Subject {
  readonly image: string;
  readonly candidate: Digest;
  /** What was put down of the candidate. */
  readonly made: ImageDigest | undefined;
  /** What the last environment names. */
  readonly running: Digest | undefined;
  readonly environment: EnvironmentConfig;
}

const noFeed = "no feed";

/** Whether the feeds call a package of a candidate malicious, which no environment lets in; and what the environment's scan gate says. Without a feed that was read nothing is called malicious, and a gate cannot tell. */
export async function checkAdvisories(
  ctx: Context,
  subject: Subject,
  platforms: readonly PlatformFacts[],
): Promise<CheckResult[]> {
  const { image, running, environment } = subject;
  // Of what is made for a trial nothing is put down; what is said of its image is said of it all the same.
  const made = subject.made ?? unknownRow(subject, ctx.clock.now());
  const gate = environment.gates.scan;
  const feeds = await loadFeeds(ctx.feeds);
  const madeFrom = madeFromOf(ctx.config, image);
  const before =
    gate === undefined || running === undefined ? undefined : await ctx.store.loadImageDigest(image, running);
  const vex = await loadFleetVex(ctx, before === undefined ? [made] : [made, before]);
  const results: CheckResult[] = [];
  for (const { platform, inventory } of platforms) {
    const started = performance.now();
    const report = await look(feeds, madeFrom, inventory, made, vex);
    // What could not be looked up is not called free of malware.
    if (!report.reasons.includes(noFeed)) {
      const messages = findMalware(report.findings);
      const verdict = messages.length > 0 ? "failed" : "passed";
      results.push({ name: "malware", platform, verdict, messages, ms: Math.round(performance.now() - started) });
    }
    if (gate === undefined) continue;
    const held = await inventoryOf(ctx, before, platform);
    const known =
      held === undefined || before === undefined ? undefined : await look(feeds, madeFrom, held, before, vex);
    const answer = judgeGate(gate, report, known, ctx.clock.now());
    results.push({ name: "scan", platform, ...answer, ms: Math.round(performance.now() - started) });
  }
  return results;
}

/** What is found in an inventory, with what is said of that, and with what is doubtful of the feeds. */
async function look(
  feeds: LoadedFeeds,
  madeFrom: string | undefined,
  inventory: Inventory,
  row: ImageDigest,
  vex: FleetVex,
): Promise<AdvisoryReport> {
  const index = await feeds.lookup(keysOf(inventory, madeFrom));
  const report = matchAdvisories(inventory, index, madeFrom, feeds.signals);
  const findings = vex.apply(report.findings, row, inventory);
  const reasons = [...new Set([...report.reasons, ...feeds.doubts])];
  return { state: reasons.length === 0 ? report.state : "unknown", reasons, findings };
}

async function inventoryOf(
  ctx: Context,
  row: ImageDigest | undefined,
  platform: Platform,
): Promise<Inventory | undefined> {
  const key = row?.inventories[formatPlatform(platform)];
  return key === undefined ? undefined : ctx.store.loadInventory(key);
}

function unknownRow({ image, candidate: digest }: Subject, createdAt: Instant): ImageDigest {
  return { image, digest, platforms: [], inventories: {}, recipeKey: "", baseDigests: [], createdAt, detail: {} };
}
