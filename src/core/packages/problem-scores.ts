import type { Atom, Group, PackageNode, VersionNode } from "./catalogue.ts";
import type { Choice, Selection } from "./selection.ts";

const priorityScores = [0, 3, 2, 1, -1, -2];
const essentialScore = 100;
const essentialBonus = 5_000;
const requestedBonus = 10_000;

export interface Scores {
  get(node: PackageNode): number;
  set(node: PackageNode, score: number): void;
}

/**
 * How much each taken package weighs against another when both cannot stay, as apt counts: by priority, by who depends on it
 * and how much those weigh, and far above that what is essential or was asked for.
 */
export function scorePackages(selection: Selection, requested: ReadonlySet<Choice>): Scores {
  const scores = new Map<PackageNode, number>();
  const installed = selection.installed();

  function add(node: PackageNode, score: number): void {
    scores.set(node, (scores.get(node) ?? 0) + score);
  }

  function addTargets(atom: Atom, owner: PackageNode | undefined, score: number): void {
    const { target } = atom;
    const taken = selection.choice(target).install;
    if (target !== owner) {
      if (atom.versioned && (taken === undefined || !atom.own.includes(taken))) return;
      add(target, score);
    }
    for (const node of installedProviders(selection, atom)) if (node !== owner) add(node, score);
  }

  for (const { package: node, install } of installed) {
    if (install === undefined) continue;
    if (node.essential || node.important) add(node, essentialScore);
    add(node, priorityScores[install.priority] ?? 0);
    for (const atom of positive(install)) addTargets(atom, undefined, 1);
    for (const { atom } of install.rejects) addTargets(atom, node, -1);
  }

  const before = new Map(scores);
  for (const { package: node, install } of installed) {
    const weight = before.get(node) ?? 0;
    if (install === undefined || weight <= 0) continue;
    for (const { target } of positive(install)) {
      if (selection.choice(target).install !== undefined) add(target, weight);
    }
  }
  for (const { package: node } of installed) {
    const gained = Math.abs((scores.get(node) ?? 0) - (before.get(node) ?? 0));
    if (gained === 0) continue;
    for (const { record } of selection.catalogue.universe.providers(node.name)) {
      const version = selection.catalogue.version(record);
      if (selection.isInstalled(version)) add(version.package, gained);
    }
  }
  for (const choice of requested) add(choice.package, requestedBonus);
  return {
    get: (node) => (scores.get(node) ?? 0) + (node.essential || node.important ? essentialBonus : 0),
    set: (node, score) => void scores.set(node, score - (node.essential || node.important ? essentialBonus : 0)),
  };
}

function positive(version: VersionNode): Atom[] {
  return [...version.depends, ...version.recommends].flatMap((group: Group) => [...group.atoms]);
}

function installedProviders(selection: Selection, atom: Atom): Set<PackageNode> {
  const provided = atom.fitting.slice(atom.own.length).filter((version) => selection.isInstalled(version));
  return new Set(provided.map((version) => version.package));
}
