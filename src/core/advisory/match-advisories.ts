import type { InstalledPackage, Inventory } from "../inventory/index.ts";
import type { AdvisoryIndex, IndexedAdvisory } from "./advisory-index.ts";
import type { AdvisoryReport, Finding } from "./types.ts";
import { ecosystemOf } from "./releases.ts";
import { stateOfVersion } from "./version-state.ts";

/**
 * What the advisories of `index` say of `inventory`: by source package, its version compared as dpkg does. Without an
 * index the state is `unknown: no feed`; where the inventory is not complete or the feed does not cover its release, it
 * is unknown too, with the findings that there are. Findings are sorted by package and id. `madeFrom` is the ecosystem
 * that its packages are known to come from: it holds for an image without os-release.
 */
export function matchAdvisories(
  inventory: Inventory,
  index: AdvisoryIndex | undefined,
  madeFrom?: string,
): AdvisoryReport {
  if (index === undefined) return { state: "unknown", reasons: ["no feed"], findings: [] };
  const reasons = inventory.status === "complete" ? [] : ["the inventory could not be read completely"];
  const ecosystem = inventory.os === undefined ? madeFrom : ecosystemOf(inventory.os);
  if (ecosystem === undefined)
    return { state: "unknown", reasons: [...reasons, "it does not say which release it is"], findings: [] };
  if (index.stale !== undefined) reasons.push(index.stale);
  if (!index.covers(ecosystem)) reasons.push(`the feed says nothing of ${ecosystem}`);
  const findings = inventory.packages.flatMap((entry) =>
    joinAliases(index.find(ecosystem, entry.source).flatMap((row) => findingOf(entry, row) ?? [])),
  );
  findings.sort((a, b) => order(a.package, b.package) || order(a.architecture, b.architecture) || order(a.id, b.id));
  return { state: reasons.length === 0 ? "known" : "unknown", reasons, findings };
}

/** The findings of `before` that `after` no longer has, by package and id: what a rebuild closed. */
export function closedFindings(before: readonly Finding[], after: readonly Finding[]): Finding[] {
  const open = new Set(after.map((finding) => `${finding.package}:${finding.architecture} ${finding.id}`));
  return before.filter((finding) => !open.has(`${finding.package}:${finding.architecture} ${finding.id}`));
}

function findingOf(entry: InstalledPackage, { advisory, affected }: IndexedAdvisory): Finding | undefined {
  const state = stateOfVersion(entry.sourceVersion, affected);
  if (state.kind === "clear") return undefined;
  return {
    id: advisory.id,
    aliases: advisory.aliases,
    upstream: advisory.upstream,
    package: entry.name,
    type: entry.type,
    architecture: entry.architecture,
    source: entry.source,
    version: entry.sourceVersion,
    state: state.kind,
    fixed: state.fixed,
    published: advisory.published,
    summary: advisory.summary,
  };
}

/** One finding for each vulnerability: records that name each other as aliases are one, under the id that readers know best. */
function joinAliases(findings: readonly Finding[]): Finding[] {
  const joined: Finding[] = [];
  const places = new Map<string, number>();
  for (const finding of [...findings].sort((a, b) => rank(a.id) - rank(b.id) || order(a.id, b.id))) {
    const names = new Set([finding.id, ...finding.aliases]);
    const known = [...names].flatMap((name) => places.get(name) ?? []);
    const at = known.reduce((first, place) => Math.min(first, place), joined.length);
    const other = joined[at];
    if (other === undefined) joined.push({ ...finding, aliases: [...new Set(finding.aliases)].sort() });
    else {
      for (const name of other.aliases) names.add(name);
      for (const name of other.upstream) names.add(name);
      names.delete(other.id);
      joined[at] = { ...other, aliases: [...names].sort(), fixed: other.fixed ?? finding.fixed };
    }
    for (const name of names) if (!places.has(name)) places.set(name, at);
  }
  return joined;
}

function rank(id: string): number {
  if (/^D[SL]A-/.test(id)) return 0;
  return id.startsWith("CVE-") ? 1 : 2;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
