import type { Advisory, AffectedPackage } from "./types.ts";

export interface IndexedAdvisory {
  readonly advisory: Advisory;
  readonly affected: AffectedPackage;
}

/** Advisories by ecosystem and source package. */
export interface AdvisoryIndex {
  /** What is said of `source` in `ecosystem` (`debian:12`), and of it in every release. */
  find(ecosystem: string, source: string): readonly IndexedAdvisory[];
  /** Whether anything at all is said of `ecosystem`: where nothing is, no answer is worth anything. */
  covers(ecosystem: string): boolean;
  /** Advisories in it, withdrawn ones left out. */
  readonly size: number;
  /** Why its answers may be old; undefined where they are not. */
  readonly stale: string | undefined;
}

/** An index over `advisories`; withdrawn ones never match. `stale` says why its answers may be old. */
export function buildAdvisoryIndex(advisories: Iterable<Advisory>, stale?: string): AdvisoryIndex {
  const rows = new Map<string, IndexedAdvisory[]>();
  const covered = new Set<string>();
  let size = 0;
  for (const advisory of advisories) {
    if (advisory.withdrawn !== undefined) continue;
    size += 1;
    for (const affected of advisory.affected) {
      const ecosystem = affected.ecosystem.toLowerCase();
      covered.add(ecosystem);
      const key = `${ecosystem} ${affected.name}`;
      const list = rows.get(key);
      if (list === undefined) rows.set(key, [{ advisory, affected }]);
      else list.push({ advisory, affected });
    }
  }
  return {
    size,
    stale,
    covers: (ecosystem) => covered.has(ecosystem),
    find: (ecosystem, source) => [
      ...(rows.get(`${ecosystem} ${source}`) ?? []),
      ...(rows.get(`${ecosystem.split(":")[0] ?? ""} ${source}`) ?? []),
    ],
  };
}

/** Several indices as one: what any of them says. It covers what one of them covers, and is stale where one of them is. */
export function joinIndexes(indexes: readonly AdvisoryIndex[]): AdvisoryIndex {
  const [only] = indexes;
  if (only !== undefined && indexes.length === 1) return only;
  return {
    size: indexes.reduce((sum, { size }) => sum + size, 0),
    stale: indexes.find(({ stale }) => stale !== undefined)?.stale,
    covers: (ecosystem) => indexes.some((index) => index.covers(ecosystem)),
    find: (ecosystem, source) => indexes.flatMap((index) => index.find(ecosystem, source)),
  };
}
