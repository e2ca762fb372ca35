import type { Advisory, AffectedPackage } from "./types.ts";

export interface IndexedAdvisory {
  readonly advisory: Advisory;
  readonly affected: AffectedPackage;
}

/** Advisories by release and source package. */
export interface AdvisoryIndex {
  /** What is said of `source` in `release` (`12`), and of it in every release. */
  find(release: string, source: string): readonly IndexedAdvisory[];
  /** Whether anything at all is said of `release`: where nothing is, no answer is worth anything. */
  covers(release: string): boolean;
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
      const release = affected.ecosystem.split(":")[1] ?? "";
      covered.add(release);
      const key = `${release} ${affected.source}`;
      const list = rows.get(key);
      if (list === undefined) rows.set(key, [{ advisory, affected }]);
      else list.push({ advisory, affected });
    }
  }
  return {
    size,
    stale,
    covers: (release) => covered.has(release),
    find: (release, source) => [...(rows.get(`${release} ${source}`) ?? []), ...(rows.get(` ${source}`) ?? [])],
  };
}
