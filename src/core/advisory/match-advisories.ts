import type { InstalledPackage, Inventory } from "../inventory/index.ts";
import type { AdvisoryIndex, IndexedAdvisory } from "./advisory-index.ts";
import { describeVulnerability, type Hit, type Told } from "./describe-vulnerability.ts";
import { baseOf } from "./ecosystems.ts";
import { cvesOf, joinAliases } from "./join-aliases.ts";
import { distroOfInventory, isOfDistro, lookupsOf, type Lookup } from "./lookups.ts";
import type { AdvisoryReport, Finding, Signals } from "./types.ts";
import { stateOfVersion } from "./version-state.ts";

/**
 * What the advisories of `index` say of `inventory`, each package looked up as its ecosystem names it and compared as it
 * orders versions; docs/matching.md has the rules. Without an index the state is `unknown: no feed`; where the inventory is
 * not complete or no feed speaks of an ecosystem that it has packages of, it is unknown too, with the findings that there
 * are. Findings are sorted by package and id. `madeFrom` is the ecosystem that its packages are known to come from: it
 * holds for an image without os-release.
 */
export function matchAdvisories(
  inventory: Inventory,
  index: AdvisoryIndex | undefined,
  madeFrom?: string,
  signals?: Signals,
): AdvisoryReport {
  if (index === undefined) return { state: "unknown", reasons: ["no feed"], findings: [] };
  const distro = distroOfInventory(inventory, madeFrom);
  const remembered = new Map<string, readonly Told[]>();
  const asked = new Map<string, readonly string[]>();
  const findings: Finding[] = [];
  for (const entry of inventory.packages) {
    const lookups = lookupsOf(entry, distro);
    const [first] = lookups;
    if (first === undefined) continue;
    asked.set(first.ecosystems[0] ?? "", first.ecosystems);
    // Packages of one source in one version are told the same.
    const key = [entry.type, entry.module ?? "", ...lookups.flatMap(({ name, version }) => [name, version])].join("\n");
    let told = remembered.get(key);
    if (told === undefined) {
      told = tell(entry, lookups, index, signals);
      remembered.set(key, told);
    }
    for (const one of told) findings.push(findingOf(entry, first, one));
  }
  const reasons = inventory.status === "complete" ? [] : ["the inventory could not be read completely"];
  const needsDistro = inventory.packages.length === 0 || inventory.packages.some(isOfDistro);
  if (distro === undefined && needsDistro) reasons.push("it does not say which release it is");
  else if (needsDistro && distro !== undefined) asked.set(distro.ecosystems[0], distro.ecosystems);
  if (index.stale !== undefined) reasons.push(index.stale);
  for (const [name, ecosystems] of [...asked].sort(([a], [b]) => order(a, b)))
    if (!ecosystems.some((one) => index.covers(one))) reasons.push(`no feed speaks of ${name}`);
  findings.sort(
    (a, b) =>
      order(a.package, b.package) ||
      order(a.architecture, b.architecture) ||
      order(a.id, b.id) ||
      order(a.version, b.version) ||
      order(a.path ?? "", b.path ?? ""),
  );
  return { state: reasons.length === 0 ? "known" : "unknown", reasons, findings };
}

/** The findings of `before` that `after` no longer has, by package and id: what a rebuild closed. */
export function closedFindings(before: readonly Finding[], after: readonly Finding[]): Finding[] {
  const open = new Set(after.map((finding) => `${finding.package}:${finding.architecture} ${finding.id}`));
  return before.filter((finding) => !open.has(`${finding.package}:${finding.architecture} ${finding.id}`));
}

function tell(
  entry: InstalledPackage,
  lookups: readonly Lookup[],
  index: AdvisoryIndex,
  signals: Signals | undefined,
): readonly Told[] {
  const hits: Hit[] = [];
  const denied = new Map<string, Set<string>>();
  const seen = new Set<IndexedAdvisory>();
  for (const { ecosystems, name, version } of lookups) {
    for (const row of rowsThatCount(index, ecosystems, name, version)) {
      const { advisory, affected } = row;
      if (seen.has(row)) continue;
      seen.add(row);
      if (affected.judgement === "not-affected") {
        const base = baseOf(affected.ecosystem);
        const cves = denied.get(base) ?? new Set<string>();
        for (const cve of cvesOf(advisory)) cves.add(cve);
        denied.set(base, cves);
      } else if (!isOtherModule(entry, affected)) {
        const state = stateOfVersion(version, affected, entry.type);
        if (state.kind !== "clear") hits.push({ advisory, affected, kind: state.kind, fixed: state.fixed });
      }
    }
  }
  if (hits.length === 0) return [];
  const isDenied = (cve: string, { affected }: Hit): boolean =>
    denied.get(baseOf(affected.ecosystem))?.has(cve) === true;
  return joinAliases(hits).flatMap((vulnerability) => {
    const said = vulnerability.said.filter((hit) => !isDenied(vulnerability.id, hit));
    return said.length === 0 ? [] : describeVulnerability({ ...vulnerability, said }, entry.type, signals);
  });
}

/** Of each record the rows of the first ecosystem that it speaks of: a version with extended maintenance is asked of that first. */
function rowsThatCount(
  index: AdvisoryIndex,
  ecosystems: readonly string[],
  name: string,
  version: string,
): readonly IndexedAdvisory[] {
  const [only] = ecosystems;
  if (ecosystems.length === 1 && only !== undefined) return index.find(only, name);
  const isExtended = /[+~]esm/.test(version);
  const ordered = isExtended ? [...ecosystems].reverse() : ecosystems;
  const from = new Map<string, string>();
  return ordered.flatMap((ecosystem) =>
    index.find(ecosystem, name).filter(({ advisory }) => {
      const first = from.get(advisory.id) ?? ecosystem;
      from.set(advisory.id, first);
      return first === ecosystem;
    }),
  );
}

/** Whether an advisory is about another module stream, or about a module where the package is of none. Fedora modularity, MODULARITYLABEL. */
function isOtherModule(entry: InstalledPackage, { ranges, module }: IndexedAdvisory["affected"]): boolean {
  if (entry.type !== "rpm") return false;
  if (entry.module !== undefined && module !== undefined) return entry.module !== module;
  if (!ranges.some(({ fixed }) => fixed !== undefined)) return false;
  const isOfModule = ranges.some(({ fixed }) => fixed?.includes(".module") === true);
  return isOfModule !== (entry.module !== undefined || entry.version.includes(".module"));
}

function findingOf(entry: InstalledPackage, { version }: Lookup, told: Told): Finding {
  return {
    ...told,
    package: entry.name,
    type: entry.type,
    architecture: entry.architecture,
    source: entry.source,
    version,
    layer: entry.layer,
    ...(entry.path === undefined ? {} : { path: entry.path }),
  };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
