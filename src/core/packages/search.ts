import type { Atom, Group, PackageNode, VersionNode } from "./catalogue.ts";
import { solutionsOf } from "./providers.ts";
import { Selection, type SelectionOptions } from "./selection.ts";
import type { Catalogue } from "./catalogue.ts";

/** Why a set of packages cannot be completed: the one that wants something, and what it wants or cannot stand beside. */
export type Impasse =
  | { readonly kind: "unmet"; readonly owner: VersionNode; readonly group: Group }
  | { readonly kind: "rejected"; readonly owner: VersionNode; readonly other: VersionNode; readonly atom: Atom };

export type SearchResult =
  | { readonly kind: "found"; readonly versions: readonly VersionNode[] }
  /** `reasons`: who first needed each package that was taken when the way ended. */
  | { readonly kind: "none"; readonly impasse: Impasse; readonly reasons: ReadonlyMap<PackageNode, Reason> };

export interface Reason {
  readonly owner: VersionNode;
  readonly group: Group;
}

const maxSteps = 50_000;

/**
 * Every way to complete `roots` with candidates, in apt's order of preference, until one holds: the answer where the greedy
 * marking ends in a conflict. Of a failure it keeps the first impasse, the one on the most preferred way. It gives up after
 * 50,000 decisions.
 */
export function searchClosure(
  catalogue: Catalogue,
  options: SelectionOptions,
  roots: readonly VersionNode[],
): SearchResult {
  const selection = new Selection(catalogue, { ...options, recommends: false });
  const taken = new Map<PackageNode, VersionNode>();
  const barred = new Map<PackageNode, number>();
  const reasons = new Map<PackageNode, Reason>();
  const agenda: Reason[] = [];
  let first: { impasse: Impasse; reasons: ReadonlyMap<PackageNode, Reason> } | undefined;
  let steps = 0;

  function fail(impasse: Impasse): false {
    first ??= { impasse, reasons: new Map(reasons) };
    return false;
  }

  function isMet(group: Group): boolean {
    return group.atoms.some((atom) => atom.fitting.some((version) => taken.get(version.package) === version));
  }

  function conflictOf(version: VersionNode): Impasse | undefined {
    for (const { atom } of version.rejects) {
      const other = atom.fitting.find((v) => v.package !== version.package && taken.get(v.package) === v);
      if (other !== undefined) return { kind: "rejected", owner: version, other, atom };
    }
    for (const owner of taken.values()) {
      if (owner.package === version.package) continue;
      const found = owner.rejects.find(({ atom }) => atom.fitting.includes(version));
      if (found !== undefined) return { kind: "rejected", owner, other: version, atom: found.atom };
    }
    return undefined;
  }

  function take(version: VersionNode, reason: Reason | undefined): boolean {
    if (reason !== undefined && !reasons.has(version.package)) reasons.set(version.package, reason);
    const conflict = conflictOf(version);
    if (conflict !== undefined) return fail(conflict);
    taken.set(version.package, version);
    for (const group of version.depends) agenda.push({ owner: version, group });
    return true;
  }

  function optionsOf(group: Group): VersionNode[] {
    return solutionsOf(selection, group).filter((v) => !taken.has(v.package) && !barred.has(v.package));
  }

  /** Completes from the agenda's entry `at` on; leaves everything as it was where that fails. */
  function complete(at: number): boolean {
    let next = at;
    for (; next < agenda.length; next += 1) {
      const entry = agenda[next];
      if (entry === undefined || isMet(entry.group)) continue;
      const ways = optionsOf(entry.group);
      if (ways.length === 0) return fail({ kind: "unmet", owner: entry.owner, group: entry.group });
      return tryEach(entry, ways, next + 1);
    }
    return true;
  }

  function tryEach(entry: Reason, ways: readonly VersionNode[], next: number): boolean {
    const length = agenda.length;
    const tried: PackageNode[] = [];
    for (const version of ways) {
      steps += 1;
      if (steps > maxSteps) break;
      const hadReason = reasons.has(version.package);
      if (take(version, entry) && complete(next)) return true;
      taken.delete(version.package);
      if (!hadReason) reasons.delete(version.package);
      agenda.length = length;
      // what failed once fails beside its siblings as well
      barred.set(version.package, (barred.get(version.package) ?? 0) + 1);
      tried.push(version.package);
    }
    for (const node of tried) {
      const count = (barred.get(node) ?? 1) - 1;
      if (count === 0) barred.delete(node);
      else barred.set(node, count);
    }
    return false;
  }

  const done = roots.every((version) => taken.get(version.package) === version || take(version, undefined));
  if (done && complete(0)) return { kind: "found", versions: [...taken.values()] };
  if (first === undefined) throw new Error("a search without a way ended without an impasse");
  return { kind: "none", ...first };
}
