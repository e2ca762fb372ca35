import type { Group, VersionNode } from "./catalogue.ts";
import { rankedCandidates, solutionsOf } from "./providers.ts";
import type { Choice, Selection } from "./selection.ts";

/** No real chain of dependencies is as long; what is deeper is left to the search, which does not recurse. */
const maxDepth = 500;

export interface MarkOptions {
  /** Whether what it depends on is taken as well. */
  readonly follow: boolean;
  /** Whether the request itself asks for it. */
  readonly requested?: boolean;
  readonly depth?: number;
}

/**
 * Takes a package's candidate and, where `follow`, what it depends on, the way apt marks for installation on an empty system:
 * greedily, first solution first; what stands in the way by Conflicts or Breaks is dropped, or ruled out for good where the
 * package is fixed, and a package whose dependencies cannot be had is ruled out. False where it could not be taken whole.
 */
export function markInstall(selection: Selection, choice: Choice, options: MarkOptions): boolean {
  const { follow, requested = false, depth = 0 } = options;
  if (!mayInstall(choice, requested, depth)) return false;
  const { candidate } = choice;
  if (candidate === undefined) return false;
  if (!choice.fixed && choice.install !== undefined && !selection.isIncomplete(choice)) return true;
  if (follow && !isWithinReach(selection, choice, candidate)) return false;
  if (requested) take(choice, candidate, true);

  const failEarly = !choice.fixed && !requested;
  let failed = false;
  const wanted = follow ? openGroups(selection, choice, candidate) : [];
  if (follow && !dropRejected(selection, choice, candidate, requested)) {
    if (failEarly) return false;
    failed = true;
  }
  if (!requested) take(choice, candidate, false);
  if (!follow) return !failed;

  const wasFixed = choice.fixed;
  choice.fixed = true;
  const complete = installWanted(selection, wanted, { wasFixed, requested, depth });
  choice.fixed = wasFixed;
  if (complete) return !failed;
  if (failEarly) ruleOut(choice);
  return false;
}

function mayInstall(choice: Choice, requested: boolean, depth: number): boolean {
  if (depth > maxDepth || choice.package.versions.length === 0) return false;
  return requested || choice.install !== undefined || !choice.fixed;
}

function take(choice: Choice, candidate: VersionNode, requested: boolean): void {
  if (choice.fixed && choice.install === candidate) return;
  choice.install = candidate;
  choice.automatic = !requested;
}

function ruleOut(choice: Choice): void {
  choice.install = undefined;
  choice.candidate = undefined;
}

/** Whether each dependency is satisfied or has a candidate; a package for which that fails is ruled out, unless fixed. */
function isWithinReach(selection: Selection, choice: Choice, candidate: VersionNode): boolean {
  const reachable = candidate.depends.every((group) =>
    group.atoms.some((atom) => atom.fitting.some((v) => selection.isInstalled(v) || selection.isCandidate(v))),
  );
  if (!reachable && !choice.fixed) choice.candidate = undefined;
  return reachable;
}

/** The dependencies still to be met; for a fixed package all of them, so that what they force becomes fixed too. */
function openGroups(selection: Selection, choice: Choice, candidate: VersionNode): Group[] {
  const groups = selection.recommends ? [...candidate.depends, ...candidate.recommends] : candidate.depends;
  return groups.filter((group) => choice.fixed || !selection.isSatisfied(group));
}

function dropRejected(selection: Selection, choice: Choice, candidate: VersionNode, requested: boolean): boolean {
  let dropped = true;
  for (const rejection of candidate.rejects) {
    if (!choice.fixed && !selection.isRejecting(choice.package, rejection)) continue;
    for (const version of rankedCandidates(selection, rejection.atom)) {
      if (version.package === choice.package) continue;
      const other = selection.choice(version.package);
      if (!selection.keep(other)) {
        dropped = false;
        if (!choice.fixed && !requested) return false;
      } else if (choice.fixed) {
        other.candidate = undefined;
        other.fixed = true;
      }
    }
  }
  return dropped;
}

interface Wanter {
  readonly wasFixed: boolean;
  readonly requested: boolean;
  readonly depth: number;
}

function installWanted(selection: Selection, wanted: readonly Group[], wanter: Wanter): boolean {
  const { wasFixed, requested, depth } = wanter;
  let complete = true;
  for (const group of wanted) {
    const critical = group.kind === "Depends" || group.kind === "Pre-Depends";
    if (selection.isSatisfied(group)) {
      if (wasFixed && critical && !fixOnlySolution(selection, group, depth)) complete = false;
      continue;
    }
    const solutions = solutionsOf(selection, group);
    const forced = wasFixed && critical && solutions.length === 1;
    const found = solutions.some((version) => installSolution(selection, version, forced, depth));
    if (found || !critical) continue;
    complete = false;
    if (!wasFixed && !requested) return false;
  }
  return complete;
}

function installSolution(selection: Selection, version: VersionNode, forced: boolean, depth: number): boolean {
  const other = selection.choice(version.package);
  if (other.candidate !== version) return false;
  if (forced) {
    if (!markInstall(selection, other, { follow: false, depth: depth + 1 })) return false;
    other.fixed = true;
  }
  return markInstall(selection, other, { follow: true, depth: depth + 1 });
}

/** A fixed package's dependency that is met and could be met by nothing else: the one that meets it is fixed as well. */
function fixOnlySolution(selection: Selection, group: Group, depth: number): boolean {
  const only = new Set(solutionsOf(selection, group));
  const [version] = only;
  if (only.size !== 1 || version === undefined) return true;
  const other = selection.choice(version.package);
  if (other.fixed) return true;
  other.fixed = true;
  return markInstall(selection, other, { follow: true, depth: depth + 1 });
}
