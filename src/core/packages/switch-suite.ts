import type { Atom, PackageNode, VersionNode } from "./catalogue.ts";
import type { Selection } from "./selection.ts";

/**
 * Makes a version that was asked for by suite the candidate, and after it, as apt does for `name/suite`, the suite's version
 * of what it depends on by version, unless the present candidate fits and needs nothing more. Stops at the first dependency
 * that the suite cannot help with. False where it stopped.
 */
export function switchSuite(selection: Selection, version: VersionNode, suite: string): boolean {
  return switchTo(selection, version, suite, new Set());
}

function switchTo(selection: Selection, version: VersionNode, suite: string, changed: Set<PackageNode>): boolean {
  setCandidate(selection, version);
  const groups = selection.recommends ? [...version.depends, ...version.recommends] : version.depends;
  for (const group of groups) {
    if (group.atoms.some((atom) => isReady(selection, atom))) continue;
    const helped = group.atoms.some((atom, at) =>
      switchTarget(selection, atom, suite, changed, at === group.atoms.length - 1),
    );
    if (!helped && group.kind !== "Recommends") return false;
  }
  return true;
}

function switchTarget(
  selection: Selection,
  atom: Atom,
  suite: string,
  changed: Set<PackageNode>,
  isLast: boolean,
): boolean {
  const { target } = atom;
  const version = target.versions.find(({ record }) => isOfSuite(record.origin, suite));
  if (!atom.versioned || version === undefined || !atom.own.includes(version)) return false;
  const old = selection.choice(target).candidate;
  if (version === old && changed.has(target)) return true;
  changed.add(target);
  if (switchTo(selection, version, suite, changed)) return true;
  // apt leaves the last alternative as it tried it
  if (!isLast && old !== undefined) setCandidate(selection, old);
  return false;
}

function setCandidate(selection: Selection, version: VersionNode): void {
  const choice = selection.choice(version.package);
  if (choice.install !== undefined) choice.install = version;
  choice.candidate = version;
}

/** Whether a candidate fits that needs nothing beyond what is taken already. */
function isReady(selection: Selection, atom: Atom): boolean {
  const provided = atom.fitting.slice(atom.own.length);
  const candidates = atom.versioned || provided.length === 0 ? atom.own : provided;
  return candidates.some(
    (version) =>
      selection.isCandidate(version) &&
      version.depends.every((group) => selection.isSatisfied(group)) &&
      !version.rejects.some((rejection) => selection.isRejecting(version.package, rejection)),
  );
}

/** An origin is the name of a suite, or a longer name that ends in it after a slash or colon. */
export function isOfSuite(origin: string, suite: string): boolean {
  return origin === suite || origin.endsWith(`/${suite}`) || origin.endsWith(`:${suite}`);
}
