import { changelogDate, suggestFixedIds, type Offer } from "../../core/advisory/index.ts";
import { debsOf, type Inventory } from "../../core/inventory/index.ts";
import type { PackageRecord, PackageUniverse } from "../../core/packages/index.ts";
import type { Instant } from "../../lib/index.ts";

/** What the changelog of a newer version says of it: a hint, never a proof. */
export interface Hint {
  /** CVEs that it names since the installed version. */
  readonly ids: readonly string[];
  readonly since: Instant | undefined;
}

/** The text of a package's changelog; undefined where it has none. */
export type ReadChangelog = (record: PackageRecord, signal?: AbortSignal) => Promise<string | undefined>;

/** Bytes of packages that are worth bringing for what their changelogs say: of one, and of all. */
const maxPackage = 16_777_216;
const maxTotal = 134_217_728;
const maxTries = 3;
/** Sources that are looked into; those with security updates come first. */
const maxSources = 100;
const atOnce = 4;

interface Wanted {
  readonly records: readonly PackageRecord[];
  readonly from: string;
  readonly to: string;
}

/** The hint of each offered package, by name and architecture; once for each source. What cannot be read hints at nothing. */
export async function readHints(
  offers: readonly Offer[],
  inventory: Inventory,
  universe: PackageUniverse,
  readChangelog: ReadChangelog,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Hint>> {
  const installedAs = new Map(debsOf(inventory).map((one) => [keyOf(one), one.sourceVersion]));
  const bySource = new Map<string, { wanted: Wanted; keys: string[]; isSecurity: boolean }>();
  for (const offer of offers) {
    const from = installedAs.get(keyOf(offer));
    const record = universe.versions(offer.name).find((one) => one.version === offer.offered);
    if (from === undefined || record === undefined) continue;
    const to = record.sourceVersion;
    const key = `${record.source} ${from} ${to}`;
    const before = bySource.get(key);
    const records = [...(before?.wanted.records ?? []), record];
    const isSecurity = before?.isSecurity === true || offer.origin.endsWith("-security");
    bySource.set(key, { wanted: { records, from, to }, keys: [...(before?.keys ?? []), keyOf(offer)], isSecurity });
  }
  const hints = new Map<string, Hint>();
  const waiting = [...bySource.values()]
    .sort((a, b) => Number(b.isSecurity) - Number(a.isSecurity))
    .slice(0, maxSources);
  let left = maxTotal;
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { from, to, records } = next.wanted;
      // All packages of one source carry the same changelog, or a link to another's: the smallest comes first.
      for (const record of records.toSorted((a, b) => a.size - b.size).slice(0, maxTries)) {
        if (record.size > maxPackage || record.size > left) break;
        left -= record.size;
        const text = await readChangelog(record, signal).catch(() => undefined);
        signal?.throwIfAborted();
        if (text === undefined) continue;
        const suggestion = suggestFixedIds(text, from, to);
        const ids = suggestion.kind === "suggested" ? suggestion.ids.map(({ id }) => id) : [];
        for (const key of next.keys) hints.set(key, { ids, since: changelogDate(text, to) });
        break;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return hints;
}

/** How a package of an inventory, or an offer for it, is found among hints. */
export function keyOf({ name, architecture }: { readonly name: string; readonly architecture: string }): string {
  return `${name} ${architecture}`;
}
