import type { Atom, Group, PackageNode, Rejection, VersionNode } from "./catalogue.ts";
import { markInstall } from "./mark-install.ts";
import { scorePackages, type Scores } from "./problem-scores.ts";
import type { Choice, Selection } from "./selection.ts";

const maxRounds = 20;
const maxDepth = 500;

interface Attempt {
  readonly selection: Selection;
  readonly scores: Scores;
  readonly requested: ReadonlySet<Choice>;
  /** Packages that were tried as a way out already. */
  readonly tried: Set<PackageNode>;
  round: number;
  changed: boolean;
}

/**
 * Where marking left something broken: goes from the package of the highest score to the lowest and mends each broken one, by
 * taking an alternative, dropping what it rejects, or dropping the package itself; as apt's problem resolver does on an empty
 * system. True where nothing is broken any more.
 */
export function solveProblems(selection: Selection, requested: ReadonlySet<Choice>): boolean {
  if (selection.brokenCount() === 0) return true;
  const before = new Set(selection.installed());
  const scores = scorePackages(selection, requested);
  const attempt: Attempt = { selection, scores, requested, tried: new Set(), round: 0, changed: true };
  const order = [...before].sort((a, b) => scores.get(b.package) - scores.get(a.package));
  for (; attempt.round < maxRounds && attempt.changed; attempt.round += 1) {
    attempt.changed = false;
    for (const choice of [...order, ...selection.installed().filter((other) => !before.has(other))]) {
      if (selection.isBroken(choice)) mend(attempt, choice);
    }
  }
  for (const choice of selection.installed()) if (!before.has(choice)) choice.automatic = true;
  return selection.brokenCount() === 0;
}

function mend(attempt: Attempt, choice: Choice): void {
  const { selection, scores } = attempt;
  const { install } = choice;
  if (install === undefined) return;
  const drops: Choice[] = [];
  const settled =
    install.depends.some((group) => !selection.isSatisfied(group) && mendGroup(attempt, choice, group)) ||
    install.rejects.some((rejection) => mendRejection(attempt, choice, rejection, drops));
  if (settled && choice.install === undefined) return;
  for (const other of drops) {
    const kept = selection.keep(other);
    if (kept) attempt.changed = true;
    if ((!kept || attempt.round > 1) && scores.get(choice.package) > scores.get(other.package)) {
      scores.set(other.package, scores.get(choice.package));
      attempt.changed = true;
    }
  }
}

/** Mends an unmet dependency. True where the package's other problems need no look in this round. */
function mendGroup(attempt: Attempt, choice: Choice, group: Group): boolean {
  const { selection } = attempt;
  if (!choice.fixed) {
    selection.keep(choice);
    attempt.changed = true;
    return true;
  }
  for (const atom of group.atoms) {
    for (const version of atom.fitting) {
      if (instate(attempt, selection.choice(version.package))) {
        lower(attempt.scores, version.package, choice.package);
        break;
      }
    }
    if (selection.isSatisfied(group)) break;
  }
  return false;
}

function mendRejection(attempt: Attempt, choice: Choice, rejection: Rejection, drops: Choice[]): boolean {
  const { selection, scores } = attempt;
  for (const version of selection.rejected(choice.package, rejection)) {
    const other = selection.choice(version.package);
    if (scores.get(choice.package) <= scores.get(version.package)) {
      if (choice.fixed) {
        if (instate(attempt, other)) {
          lower(scores, version.package, choice.package);
          break;
        }
        continue;
      }
      selection.keep(choice);
      attempt.changed = true;
      return true;
    }
    if (!other.fixed) drops.push(other);
  }
  return false;
}

function lower(scores: Scores, node: PackageNode, limit: PackageNode): void {
  if (scores.get(node) > scores.get(limit)) scores.set(node, scores.get(limit));
}

/** Takes a package that would mend another, with what it depends on; undone where that fails. */
function instate(attempt: Attempt, choice: Choice, depth = 0): boolean {
  const { selection, tried, requested } = attempt;
  if (depth > maxDepth || tried.has(choice.package) || choice.candidate === undefined || requested.has(choice))
    return false;
  tried.add(choice.package);
  const wasKept = choice.install === undefined;
  if (!markInstall(selection, choice, { follow: false })) return false;
  const { install } = choice;
  if (install === undefined) return false;
  const met =
    install.depends.every((group) => selection.isSatisfied(group) || instateAny(attempt, group.atoms, depth)) &&
    install.rejects.every((rejection) => isBearable(attempt, choice, rejection));
  if (met) return true;
  if (wasKept) selection.keep(choice);
  else selection.remove(choice);
  return false;
}

function instateAny(attempt: Attempt, atoms: readonly Atom[], depth: number): boolean {
  const { selection } = attempt;
  return atoms.some((atom) => {
    const target = smartTarget(atom);
    if (target === undefined || selection.choice(target).fixed) return false;
    const offered = atom.fitting.some((version: VersionNode) => selection.isCandidate(version));
    return offered && instate(attempt, selection.choice(target), depth + 1);
  });
}

/** Whether what a package rejects is absent, or can still be dropped in a later round. */
function isBearable({ selection }: Attempt, choice: Choice, rejection: Rejection): boolean {
  if (!selection.isRejecting(choice.package, rejection)) return true;
  const target = smartTarget(rejection.atom);
  return target !== undefined && !selection.choice(target).fixed;
}

/** The package of that name, or of its first provider where there is none of that name. */
function smartTarget(atom: Atom): PackageNode | undefined {
  return atom.target.versions.length > 0 ? atom.target : atom.fitting[0]?.package;
}
