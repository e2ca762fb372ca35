import { advisoryKey, baseOf } from "./ecosystems.ts";
import type { Advisory, AffectedPackage } from "./types.ts";

export interface IndexedAdvisory {
  readonly advisory: Advisory;
  readonly affected: AffectedPackage;
  /** Which feed says so; absent where nobody told. */
  readonly by?: FeedWord;
}

/** Whose word an advisory is. */
export interface FeedWord {
  readonly kind: string;
  /** Whether it counts alone: the word of who makes the packages. */
  readonly isStrong: boolean;
}

/** Advisories by what they speak of: all of them, or those that the keys of an inventory asked for. */
export interface AdvisoryIndex {
  /** What is said of `name` in `ecosystem` (`debian:12`), and of it in every release; both as advisoryKey has them. */
  find(ecosystem: string, name: string): readonly IndexedAdvisory[];
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
      const { ecosystem, name } = advisoryKey(affected.ecosystem, affected.name);
      covered.add(ecosystem);
      const key = `${ecosystem} ${name}`;
      const list = rows.get(key);
      if (list === undefined) rows.set(key, [{ advisory, affected }]);
      else list.push({ advisory, affected });
    }
  }
  const nothing: readonly IndexedAdvisory[] = [];
  return {
    size,
    stale,
    covers: (ecosystem) => covered.has(ecosystem),
    find: (ecosystem, name) => {
      const base = baseOf(ecosystem);
      const here = rows.get(`${ecosystem} ${name}`) ?? nothing;
      const everywhere = base === ecosystem ? undefined : rows.get(`${base} ${name}`);
      return everywhere === undefined ? here : [...here, ...everywhere];
    },
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
    find: (ecosystem, name) => indexes.flatMap((index) => index.find(ecosystem, name)),
  };
}
