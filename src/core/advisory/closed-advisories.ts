import type { AdvisoryIndex, IndexedAdvisory } from "./advisory-index.ts";
import { knownIds } from "./known-ids.ts";
import { stateOfVersion } from "./version-state.ts";

/** What going from one version to another closes. */
export interface ClosedAdvisories {
  /** As readers know them, sorted; at most two hundred. */
  readonly ids: readonly string[];
  /** Those of them that are critical or known to be exploited. */
  readonly urgent: readonly string[];
  /** Those of `urgent` that are known to be exploited. */
  readonly exploited: readonly string[];
  /** Those of `urgent` that more than one weak feed vouches for: a strong one, or two kinds of feeds. */
  readonly vouched: readonly string[];
}

const mostIds = 200;

/** The advisories that touch the source version `from` and not `to`. One that another record still calls open in `to`, or of which nothing is certain, is not closed. `isExploited` says of an id whether it is known to be exploited. */
export function closedAdvisories(
  index: AdvisoryIndex,
  ecosystem: string,
  update: { readonly source: string; readonly from: string; readonly to: string },
  isExploited: (id: string) => boolean = () => false,
): ClosedAdvisories {
  const closed: IndexedAdvisory[] = [];
  const open = new Set<string>();
  for (const row of index.find(ecosystem, update.source)) {
    const before = stateOfVersion(update.from, row.affected).kind;
    const after = stateOfVersion(update.to, row.affected).kind;
    if (after !== "clear") for (const id of knownIds(row.advisory)) open.add(id);
    else if (before === "affected") closed.push(row);
  }
  const kept = closed.filter(({ advisory }) => knownIds(advisory).some((id) => !open.has(id)));
  const exploited = kept.filter(({ advisory }) =>
    [advisory.id, ...advisory.aliases, ...advisory.upstream].some(isExploited),
  );
  const urgent = kept.filter((row) => row.affected.critical === true || exploited.includes(row));
  const isVouched = createVouching(kept);
  const idsOf = (rows: readonly IndexedAdvisory[]): string[] =>
    [...new Set(rows.flatMap(({ advisory }) => knownIds(advisory)).filter((id) => !open.has(id)))].sort();
  return {
    ids: idsOf(kept).slice(0, mostIds),
    urgent: idsOf(urgent).slice(0, mostIds),
    exploited: idsOf(exploited).slice(0, mostIds),
    vouched: idsOf(urgent.filter(isVouched)).slice(0, mostIds),
  };
}

/** Tells whether more than one weak feed says that something is closed. */
function createVouching(rows: readonly IndexedAdvisory[]): (row: IndexedAdvisory) => boolean {
  const kinds = new Map<string, Set<string>>();
  const strong = new Set<string>();
  for (const { advisory, by } of rows) {
    for (const id of knownIds(advisory)) {
      if (by?.isStrong === true) strong.add(id);
      kinds.set(id, (kinds.get(id) ?? new Set()).add(by?.kind ?? ""));
    }
  }
  return ({ advisory }) => knownIds(advisory).some((id) => strong.has(id) || (kinds.get(id)?.size ?? 0) > 1);
}
