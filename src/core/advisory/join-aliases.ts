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

interface Named<T> {
  readonly one: T;
  readonly advisory: Advisory;
  readonly cves: readonly string[];
  /** Ids that are no CVE's and name the same vulnerability: what joins records. */
  readonly links: readonly string[];
}

/** More vulnerabilities of one record than this are not told apart: it stays one. */
const mostOfOne = 2000;
/** More ids upstream of one CVE than this are no names of it. */
const mostUpstream = 5;

/**
 * What records say, by vulnerability: they are joined over every id that they share, but two CVEs are never one, whatever
 * names both: each then is a vulnerability of its own, that the announcement of both belongs to. The order of `said`
 * does not matter. OSV schema, aliases and upstream.
 */
export function joinAliases<T extends Pick<IndexedAdvisory, "advisory">>(said: readonly T[]): Vulnerability<T>[] {
  const named = said.map((one) => ({ one, advisory: one.advisory, ...namesOf(one.advisory) }));
  const rootOf = joinLinks(named);
  const cvesOfRoot = new Map<string, Set<string>>();
  for (const { cves, links } of named) {
    const [first] = links;
    if (first === undefined || cves.length === 0) continue;
    const root = rootOf(first);
    const known = cvesOfRoot.get(root);
    if (known === undefined) cvesOfRoot.set(root, new Set(cves));
    else for (const cve of cves) known.add(cve);
  }
  const groups = new Map<string, Named<T>[]>();
  for (const each of named) {
    const root = rootOf(each.links[0] ?? each.advisory.id);
    // What names no CVE itself is about those of the records that it is joined with.
    for (const id of each.cves.length > 0 ? each.cves : (cvesOfRoot.get(root) ?? [root])) {
      const group = groups.get(id);
      if (group === undefined) groups.set(id, [each]);
      else group.push(each);
    }
  }
  return [...groups].map(([key, group]) => nameGroup(key, group));
}

/** The CVEs that a record is about; more than can be told apart are none. */
export function cvesOf(advisory: Advisory): readonly string[] {
  return namesOf(advisory).cves;
}

/** Union and find over the links of all records: the same answer for two ids of one vulnerability. */
function joinLinks(named: readonly Pick<Named<unknown>, "links">[]): (id: string) => string {
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
  for (const { links } of named) {
    const [first] = links;
    if (first === undefined || links.length === 1) continue;
    const root = rootOf(first);
    for (const link of links) parents.set(rootOf(link), root);
  }
  return rootOf;
}

function nameGroup<T extends Pick<IndexedAdvisory, "advisory">>(
  key: string,
  group: readonly Named<T>[],
): Vulnerability<T> {
  const [only] = group;
  const said = group.map(({ one }) => one);
  // Most are what one record says of one CVE, under that name.
  if (only?.advisory.id === key && group.length === 1 && only.links.length === 0)
    return { id: key, aliases: [], upstream: [], said };
  const names = new Set<string>();
  const upstream = new Set<string>();
  for (const { advisory, cves, links } of group) {
    names.add(advisory.id);
    // Of a record of several, nobody knows which of them its other names mean.
    if (cves.length <= 1) for (const link of links) names.add(link);
    if (cves.length === 0) for (const name of advisory.upstream) upstream.add(name);
  }
  const isCve = cveOf(key) === key;
  const id = isCve ? key : ([...names].sort(byRank)[0] ?? key);
  names.delete(id);
  // Another CVE, or a distribution's own name of one, is another vulnerability.
  const aliases = [...names].filter((name) => (cveOf(name) ?? key) === key).sort();
  return { id, aliases, upstream: isCve ? [] : [...upstream].sort(), said };
}

function byRank(a: string, b: string): number {
  return rankOfId(a) - rankOfId(b) || (a < b ? -1 : a > b ? 1 : 0);
}

const nothing: readonly string[] = [];

function namesOf(advisory: Advisory): Pick<Named<unknown>, "cves" | "links"> {
  const { id, aliases, upstream } = advisory;
  if (aliases.length === 0 && upstream.length === 0) {
    const cve = cveOf(id);
    if (cve === id) return { cves: [id], links: nothing };
    return { cves: cve === undefined ? nothing : [cve], links: [id] };
  }
  const cves = new Set<string>();
  const links = new Set<string>();
  for (const name of [id, ...aliases]) {
    const cve = cveOf(name);
    if (cve !== undefined) cves.add(cve);
    if (cve !== name) links.add(name);
  }
  const others = new Set<string>();
  for (const name of upstream) {
    const cve = cveOf(name);
    if (cve === undefined) others.add(name);
    else cves.add(cve);
  }
  // What is upstream of one vulnerability is that vulnerability; of several, nobody knows of which.
  const isOne = cves.size === 0 ? others.size === 1 : cves.size === 1 && others.size <= mostUpstream;
  if (isOne) for (const name of others) links.add(name);
  if (cves.size <= mostOfOne) return { cves: [...cves], links: [...links] };
  return { cves: nothing, links: links.size === 0 ? [id] : [...links] };
}
