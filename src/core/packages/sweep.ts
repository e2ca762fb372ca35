import type { Group, VersionNode } from "./catalogue.ts";
import type { Choice, Selection } from "./selection.ts";

/**
 * Drops what was taken for another's sake and is needed by nothing any more: all that cannot be reached from what was asked
 * for, fixed or essential through the relations that the taken packages satisfy, Recommends and Suggests included.
 */
export function sweep(selection: Selection): void {
  const installed = selection.installed();
  const marked = new Set<VersionNode>();
  const open: VersionNode[] = [];

  function mark(version: VersionNode | undefined): void {
    if (version === undefined || marked.has(version)) return;
    marked.add(version);
    open.push(version);
  }

  for (const choice of installed) if (isRoot(choice)) mark(choice.install);
  for (let version = open.pop(); version !== undefined; version = open.pop()) {
    for (const group of relationsOf(version)) {
      for (const atom of group.atoms) {
        for (const fitting of atom.fitting) if (selection.isInstalled(fitting)) mark(fitting);
      }
    }
  }
  for (const choice of installed) {
    if (choice.install !== undefined && !marked.has(choice.install)) choice.install = undefined;
  }
}

function isRoot({ automatic, fixed, package: node }: Choice): boolean {
  return !automatic || fixed || node.essential || node.important;
}

function relationsOf(version: VersionNode): readonly Group[] {
  return [...version.depends, ...version.recommends, ...version.suggests];
}
