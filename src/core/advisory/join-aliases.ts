import type { IndexedAdvisory } from "./advisory-index.ts";
import type { Advisory } from "./types.ts";
import { cveOf, rankOfId } from "./vulnerability-ids.ts";

/** One vulnerability, with all that is said of it. */
export interface Vulnerability<T extends Pick<IndexedAdvisory, "advisory">> {
  /** As readers know it best: its CVE, else what GitHub calls it, and so on. */
  readonly id: string;
  /** Its other ids, sorted: those of the announcements that close it too. */
  readonly aliases: readonly string[];
  /** What an announcement is about that names too many to tell them apart. */
  readonly upstream: readonly string[];
  readonly said: readonly T[];
}

interface Names {
  readonly cves: readonly string[];
  /** Ids that are no CVE's and name the same vulnerability: what joins records. */
  readonly links: readonly string[];
}

/** More vulnerabilities of one record than this are not told apart: it stays one. */
const mostOfOne = 2000;

/**
 * What records say, by vulnerability: they are joined over every id that they share, but two CVEs are never one, whatever
 * names both: each then is a vulnerability of its own, that the announcement of both belongs to. The order of `said`
 * does not matter. OSV schema, aliases and upstream.
 */
export function joinAliases<T extends Pick<IndexedAdvisory, "advisory">>(said: readonly T[]): Vulnerability<T>[] {
  if (said.length === 0) return [];
  const parents = new Map<string, string>();
  const rootOf = (id: string): string => {
    let root = id;
    for (let next = parents.get(root); next !== undefined && next !== root; next = parents.get(root)) root = next;
    for (let at = id; at !== root;) {
      const next = parents.get(at) ?? root;
      parents.set(at, root);
      at = next;
    }
    return root;
  };
  for (const { advisory } of said) {
    const { links } = namesOf(advisory);
    const [first] = links;
    if (first === undefined) continue;
    const root = rootOf(first);
    for (const link of links) parents.set(rootOf(link), root);
  }
  const cvesOfRoot = new Map<string, Set<string>>();
  for (const { advisory } of said) {
    const { cves, links } = namesOf(advisory);
    const [first] = links;
    if (first === undefined || cves.length === 0) continue;
    const root = rootOf(first);
    const known = cvesOfRoot.get(root);
    if (known === undefined) cvesOfRoot.set(root, new Set(cves));
    else for (const cve of cves) known.add(cve);
  }
  const groups = new Map<string, T[]>();
  for (const one of said) {
    const { cves, links } = namesOf(one.advisory);
    const root = rootOf(links[0] ?? one.advisory.id);
    // What names no CVE itself is about those of the records that it is joined with.
    for (const id of cves.length > 0 ? cves : (cvesOfRoot.get(root) ?? [root])) {
      const group = groups.get(id);
      if (group === undefined) groups.set(id, [one]);
      else group.push(one);
    }
  }
  return [...groups].map(([id, group]) => nameGroup(id, group));
}

function nameGroup<T extends Pick<IndexedAdvisory, "advisory">>(key: string, said: readonly T[]): Vulnerability<T> {
  const names = new Set<string>();
  const upstream = new Set<string>();
  for (const { advisory } of said) {
    const { cves, links } = namesOf(advisory);
    names.add(advisory.id);
    // Of a record of several, nobody knows which of them its other names mean.
    if (cves.length <= 1) for (const link of links) names.add(link);
    if (cves.length === 0) for (const name of advisory.upstream) upstream.add(name);
  }
  const id = cveOf(key) === key ? key : ([...names].sort(byRank)[0] ?? key);
  names.delete(id);
  return {
    id,
    aliases: [...names].filter((name) => cveOf(name) !== name).sort(),
    upstream: cveOf(key) === key ? [] : [...upstream].sort(),
    said,
  };
}

function byRank(a: string, b: string): number {
  return rankOfId(a) - rankOfId(b) || (a < b ? -1 : a > b ? 1 : 0);
}

const remembered = new WeakMap<Advisory, Names>();

/** The CVEs that a record is about; more than can be told apart are none. */
export function cvesOf(advisory: Advisory): readonly string[] {
  return namesOf(advisory).cves;
}

function namesOf(advisory: Advisory): Names {
  const before = remembered.get(advisory);
  if (before !== undefined) return before;
  const cves = new Set<string>();
  const links = new Set<string>();
  for (const name of [advisory.id, ...advisory.aliases]) {
    const cve = cveOf(name);
    if (cve !== undefined) cves.add(cve);
    if (cve !== name) links.add(name);
  }
  const others: string[] = [];
  for (const name of advisory.upstream) {
    const cve = cveOf(name);
    if (cve === undefined) others.push(name);
    else cves.add(cve);
  }
  // What is upstream of one vulnerability is that vulnerability; of several, nobody knows of which.
  if (cves.size + others.length <= 1 || (cves.size === 1 && others.length <= 5))
    for (const name of others) links.add(name);
  const names: Names = {
    cves: cves.size > mostOfOne ? [] : [...cves],
    links: links.size === 0 && cves.size > mostOfOne ? [advisory.id] : [...links],
  };
  remembered.set(advisory, names);
  return names;
}
