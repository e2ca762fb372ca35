import type { Atom, Group, VersionNode } from "./catalogue.ts";
import type { Selection } from "./selection.ts";

/**
 * The candidates that satisfy a group, in the order in which apt tries them: the alternatives as written; among those that fit
 * one alternative what is already fixed, then the package of that very name, essential ones, important ones, higher priority,
 * and at last the one that the indices mention last.
 */
export function solutionsOf(selection: Selection, group: Group): VersionNode[] {
  const found: VersionNode[] = [];
  for (const atom of group.atoms) found.push(...rankedCandidates(selection, atom));
  return withoutRuledOut(selection, found);
}

/** As {@link solutionsOf}, for one relation. */
export function rankedCandidates(selection: Selection, atom: Atom): VersionNode[] {
  const candidates = [...new Set(selection.candidates(atom))];
  if (candidates.length > 1) candidates.sort((a, b) => compareProviders(selection, atom, a, b));
  return candidates;
}

function withoutRuledOut(selection: Selection, versions: readonly VersionNode[]): VersionNode[] {
  return versions.filter((version, at) => {
    const choice = selection.choice(version.package);
    return version !== versions[at - 1] && !(choice.fixed && choice.install === undefined);
  });
}

function compareProviders(selection: Selection, atom: Atom, a: VersionNode, b: VersionNode): number {
  return (
    first(selection.choice(a.package).fixed, selection.choice(b.package).fixed) ||
    first(a.package === atom.target, b.package === atom.target) ||
    first(a.package.essential, b.package.essential) ||
    first(a.package.important, b.package.important) ||
    a.priority - b.priority ||
    selection.catalogue.universe.mention(b.package.name) - selection.catalogue.universe.mention(a.package.name)
  );
}

function first(a: boolean, b: boolean): number {
  return Number(b) - Number(a);
}
