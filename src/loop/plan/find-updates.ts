import type { PackageUpdate } from "../../core/plan/index.ts";
import { compareDebText } from "../../core/version/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import type { SuiteSource } from "../../io/distro/index.ts";
import { loadFeeds } from "../../io/feeds/index.ts";
import type { Context } from "../context.ts";
import { closedByUpdates, keysOfInstalled, type Installed } from "./find-closed.ts";

/** What the suites of `upstream` offer that is newer than the oldest version of some package in `installed`, with the time at which we first saw it, and what the feeds say that it closes. */
export async function findUpdates(ctx: Context, upstream: string, installed: Installed): Promise<PackageUpdate[]> {
  const sources = ctx.suites.get(upstream) ?? [];
  const offered: PackageRecord[] = [];
  const architectures = new Set(sources.flatMap((source) => source.architectures));
  const generations = await loadGenerations(ctx, sources);
  const seenRecords = new Set<string>();
  for (const architecture of architectures) {
    const universe = await ctx.distro.universe(generations, architecture);
    for (const one of installed.oldest.values()) {
      if (one.architecture !== architecture && one.architecture !== "all") continue;
      for (const record of universe.versions(one.name)) {
        if (compareDebText(record.version, one.version) <= 0) break;
        const key = `${record.origin} ${record.name} ${record.architecture} ${record.version}`;
        if (record.architecture !== one.architecture || seenRecords.has(key)) continue;
        seenRecords.add(key);
        offered.push(record);
      }
    }
  }
  const updates = (await noteFirstSeen(ctx, sources, offered)).map((one) => ({ ...one, distro: upstream }));
  if (updates.length === 0) return updates;
  const { lookup, signals } = await loadFeeds(ctx.feeds);
  const index = await lookup(keysOfInstalled(installed));
  if (index === undefined) return updates;
  const closedBy = closedByUpdates(index, installed, (id) => signals.exploitedOf(id) !== undefined);
  return updates.map((update) => {
    const closes = closedBy(update);
    return closes === undefined ? update : { ...update, closes };
  });
}

/** The last good generation of each suite that has one. */
export async function loadGenerations(ctx: Context, sources: readonly SuiteSource[]) {
  const found = await Promise.all(sources.map(({ name }) => ctx.distro.generation(name)));
  return found.filter((one) => one !== undefined);
}

async function noteFirstSeen(
  ctx: Context,
  sources: readonly SuiteSource[],
  records: readonly PackageRecord[],
): Promise<PackageUpdate[]> {
  if (records.length === 0) return [];
  const observations = await ctx.store.loadNewestObservations();
  const now = ctx.clock.now();
  const seen = await ctx.store.savePackagesSeen(
    records.map(({ origin, name, architecture, version }) => {
      const observation = observations.find((one) => one.upstream === origin);
      const firstSeen = observation?.firstSeen ?? now;
      return { upstream: origin, name, architecture, version, firstSeen, baseline: observation?.baseline ?? false };
    }),
  );
  const times = new Map(seen.map((one) => [`${one.upstream} ${one.name} ${one.architecture} ${one.version}`, one]));
  const security = new Set(sources.filter((source) => source.security).map(({ name }) => name));
  return records.map((record) => {
    const { name, architecture, version, source, sourceVersion, origin } = record;
    const noted = times.get(`${origin} ${name} ${architecture} ${version}`);
    return {
      name,
      architecture,
      version,
      source,
      sourceVersion,
      origin,
      security: security.has(origin),
      urgent: false,
      firstSeen: noted?.firstSeen ?? now,
      baseline: noted?.baseline ?? false,
      advisories: [],
    };
  });
}
