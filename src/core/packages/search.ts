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

interface Decision {
  readonly entry: Reason;
  /** Ways not tried yet. */
  readonly ways: VersionNode[];
  /** The agenda's entry to go on with. */
  readonly next: number;
  readonly agendaLength: number;
  readonly tried: PackageNode[];
  current: VersionNode | undefined;
  /** Whether the package that is taken has this decision as its reason. */
  explains: boolean;
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
  const barred = new Set<PackageNode>();
  const reasons = new Map<PackageNode, Reason>();
  /** By version, the taken versions that reject it. */
  const rejecters = new Map<VersionNode, { readonly owner: VersionNode; readonly atom: Atom }[]>();
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
    const rejecter = rejecters.get(version)?.at(-1);
    return rejecter && { kind: "rejected", other: version, ...rejecter };
  }

  function reject(owner: VersionNode): void {
    for (const { atom } of owner.rejects) {
      for (const other of atom.fitting) {
        if (other.package === owner.package) continue;
        const list = rejecters.get(other);
        if (list === undefined) rejecters.set(other, [{ owner, atom }]);
        else list.push({ owner, atom });
      }
    }
  }

  /** Takes back the latest {@link reject}: decisions are undone in the reverse order. */
  function accept(owner: VersionNode): void {
    for (const { atom } of owner.rejects) {
      for (const other of atom.fitting) if (other.package !== owner.package) rejecters.get(other)?.pop();
    }
  }

  function take(version: VersionNode, reason: Reason | undefined): boolean {
    if (reason !== undefined && !reasons.has(version.package)) reasons.set(version.package, reason);
    const conflict = conflictOf(version);
    if (conflict !== undefined) return fail(conflict);
    taken.set(version.package, version);
    reject(version);
    for (const group of version.depends) agenda.push({ owner: version, group });
    return true;
  }

  function optionsOf(group: Group): VersionNode[] {
    return solutionsOf(selection, group).filter((v) => !taken.has(v.package) && !barred.has(v.package));
  }

  function firstOpen(from: number): number {
    for (let at = from; at < agenda.length; at += 1) {
      const entry = agenda[at];
      if (entry !== undefined && !isMet(entry.group)) return at;
    }
    return agenda.length;
  }

  /** Undoes the decision's way, if one is on, and goes the next that holds so far; false where there is none left. */
  function advance(decision: Decision): boolean {
    if (decision.current !== undefined) undo(decision, decision.current);
    for (let way = decision.ways.shift(); way !== undefined && steps < maxSteps; way = decision.ways.shift()) {
      steps += 1;
      decision.current = way;
      decision.explains = !reasons.has(way.package);
      if (take(way, decision.entry)) return true;
      undo(decision, way);
    }
    for (const node of decision.tried) barred.delete(node);
    return false;
  }

  function undo(decision: Decision, way: VersionNode): void {
    if (taken.delete(way.package)) accept(way);
    if (decision.explains) reasons.delete(way.package);
    agenda.length = decision.agendaLength;
    decision.current = undefined;
    // what failed once fails beside its siblings as well
    barred.add(way.package);
    decision.tried.push(way.package);
  }

  /** Decides one open group after another, and goes back to the last decision where a group cannot be met. */
  function complete(): boolean {
    const decisions: Decision[] = [];
    for (let next = 0; ;) {
      const at = firstOpen(next);
      const entry = agenda[at];
      if (entry === undefined) return true;
      const ways = optionsOf(entry.group);
      if (ways.length === 0) fail({ kind: "unmet", owner: entry.owner, group: entry.group });
      decisions.push({
        entry,
        ways,
        next: at + 1,
        agendaLength: agenda.length,
        tried: [],
        current: undefined,
        explains: false,
      });
      let last = decisions.at(-1);
      while (last !== undefined && !advance(last)) {
        decisions.pop();
        last = decisions.at(-1);
      }
      if (last === undefined) return false;
      next = last.next;
    }
  }

  const done = roots.every((version) => taken.get(version.package) === version || take(version, undefined));
  if (done && complete()) return { kind: "found", versions: [...taken.values()] };
  if (first === undefined) throw new Error("a search without a way ended without an impasse");
  return { kind: "none", ...first };
}
