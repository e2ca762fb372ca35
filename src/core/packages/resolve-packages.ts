import { catalogueOf, type Catalogue, type PackageNode, type VersionNode } from "./catalogue.ts";
import { explainImpasse } from "./explain.ts";
import { markInstall } from "./mark-install.ts";
import { parseRoot, rootVersion, type Root } from "./root.ts";
import { searchClosure } from "./search.ts";
import { Selection, type SelectionOptions } from "./selection.ts";
import { solveProblems } from "./solve-problems.ts";
import { sweep } from "./sweep.ts";
import { switchSuite } from "./switch-suite.ts";
import type { PackageRecord, PackageUniverse, Resolution, ResolveRequest } from "./types.ts";

/**
 * What `apt-get install` would install for these roots on an empty system: the candidate of each package is its highest
 * version over all suites, or the one that the request names. The order of the roots does not matter: they are taken by name.
 * Where apt's greedy way ends in a conflict every other way is searched. Packages come out sorted by name. Pure: the same
 * request and universe give the same answer. Throws as the universe does for malformed stanzas.
 */
export function resolvePackages(request: ResolveRequest, universe: PackageUniverse): Resolution {
  const catalogue = catalogueOf(universe);
  const given = new Map<PackageNode, { readonly version: VersionNode | undefined }>();
  for (const name of request.exclude ?? []) given.set(catalogue.package(name), { version: undefined });
  for (const [name, version] of Object.entries(request.pins ?? {})) {
    const node = catalogue.package(name);
    given.set(node, { version: node.versions.find(({ record }) => record.version === version) });
  }

  const names = request.essential === true ? [...request.roots, ...universe.essential()] : request.roots;
  const wanted = wantedVersions(names, catalogue, given);
  if (wanted.kind === "unsatisfiable") return wanted;
  const { roots } = wanted;
  const options: SelectionOptions = { recommends: request.recommends === true, candidateOf: (node) => given.get(node) };
  const marked = markLikeApt(catalogue, options, roots);
  if (marked !== undefined) return { kind: "resolved", packages: sortedRecords(marked) };
  const versions = roots.map(({ version }) => version);
  const searched = searchClosure(catalogue, options, versions);
  if (searched.kind === "found") return { kind: "resolved", packages: sortedRecords(searched.versions) };
  return { kind: "unsatisfiable", chain: explainImpasse(searched.impasse, searched.reasons, request) };
}

interface Wanted {
  readonly version: VersionNode;
  readonly suite: string | undefined;
}

/** The version of each root, by the order of their names; what is asked for becomes the package's candidate. */
function wantedVersions(
  names: readonly string[],
  catalogue: Catalogue,
  given: Map<PackageNode, { readonly version: VersionNode | undefined }>,
): { readonly kind: "wanted"; readonly roots: readonly Wanted[] } | Extract<Resolution, { kind: "unsatisfiable" }> {
  const roots = new Map<PackageNode, Wanted>();
  for (const root of sortedRoots(names)) {
    const version = rootVersion(root, catalogue, given);
    if (typeof version === "string") return { kind: "unsatisfiable", chain: [`${root.text} is asked for`, version] };
    const other = roots.get(version.package)?.version;
    if (other !== undefined && other !== version) return twoVersions(other, version);
    roots.set(version.package, { version, suite: root.suite });
  }
  for (const { version } of roots.values()) given.set(version.package, { version });
  return { kind: "wanted", roots: [...roots.values()] };
}

function twoVersions(one: VersionNode, other: VersionNode): Extract<Resolution, { kind: "unsatisfiable" }> {
  const asked = [one, other].map(({ record }) => `${record.name} ${record.version} is asked for`);
  return { kind: "unsatisfiable", chain: [...asked, "only one of them can be installed"] };
}

function sortedRoots(texts: readonly string[]): Root[] {
  return [...new Set(texts)].sort(byCodeUnit).map(parseRoot);
}

/** The versions that apt's own way comes to; undefined where it ends with something broken or without a root. */
function markLikeApt(
  catalogue: Catalogue,
  options: SelectionOptions,
  roots: readonly Wanted[],
): VersionNode[] | undefined {
  const selection = new Selection(catalogue, options);
  const requested = new Set(roots.map(({ version }) => selection.choice(version.package)));
  for (const choice of requested) {
    choice.fixed = true;
    markInstall(selection, choice, { follow: false, requested: true });
  }
  for (const { version, suite } of roots) if (suite !== undefined) switchSuite(selection, version, suite);
  for (const choice of requested) markInstall(selection, choice, { follow: true, requested: true });
  if (!solveProblems(selection, requested)) return undefined;
  sweep(selection);
  if (selection.brokenCount() > 0 || !roots.every(({ version }) => selection.isInstalled(version))) return undefined;
  return selection.installed().flatMap(({ install }) => install ?? []);
}

function sortedRecords(versions: readonly VersionNode[]): PackageRecord[] {
  return versions.map(({ record }) => record).sort((a, b) => byCodeUnit(a.name, b.name));
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
