import { lookup } from "../inventory/index.ts";
import type { LayerEntry } from "../layer/index.ts";
import { parseRelations } from "../packages/index.ts";
import { remakeCertificates } from "./remake-certificates.ts";
import { contentOf, createResolver } from "./read-original.ts";
import { findWhiteouts } from "./find-whiteouts.ts";
import { judgeConffile } from "./judge-conffile.ts";
import { judgeScripts } from "./judge-scripts.ts";
import type {
  Conffile,
  NewPackage,
  Original,
  OriginalPackage,
  PatchPlan,
  PatchPolicy,
  PlacedPackage,
  ScriptNeed,
} from "./types.ts";

const maxReasons = 20;

/**
 * How the image is patched with the packages in `next`, whose paths are settled already: as files where no maintainer script has anything to do, by an engine that runs them where one has, or
 * not at all. Pure: the same image and packages give the same plan.
 */
export function planPatch(
  original: Original,
  next: readonly NewPackage[],
  policy: PatchPolicy,
  notes: readonly string[] = [],
): PatchPlan {
  if (next.length === 0) return { kind: "nothing", notes };
  const said = [...notes];
  const refusals: string[] = [];
  const needs: ScriptNeed[] = [];
  const placed: PlacedPackage[] = [];
  const made: LayerEntry[] = [];
  const gone: string[] = [];
  const real = createResolver(original.tree);
  const swapped = new Set(next.map(({ swap }) => swap.name));
  const places = readPlaces(original);
  for (const each of next) {
    const { name } = each.swap;
    const old = original.packages.find((one) => one.name === name);
    // Where there is no dpkg no script ever ran: whoever made the image did without what they make.
    const reasons = original.database === "status" ? judgeScripts({ original, old, next: each }) : [];
    reasons.push(...places.against(each));
    const certificates = remakeCertificates(original, each);
    reasons.push(...certificates.reasons);
    made.push(...certificates.entries);
    gone.push(...certificates.whiteouts);
    const { conffiles, changed } = settleConffiles(original, old, each, real);
    for (const path of changed) {
      const sentence = `${path} of ${name} was changed in the image and by ${each.swap.to}`;
      if (policy.changedConffile === "refuse") refusals.push(sentence);
      else said.push(`${sentence}: the image's stays`);
    }
    const clash = findClashes(original, old, each, swapped);
    refusals.push(...clash.refusals);
    reasons.push(...clash.needs);
    if (reasons.length > 0) needs.push({ name, reasons });
    placed.push({ package: each, old, conffiles });
  }
  const swaps = next.map(({ swap }) => swap);
  if (refusals.length > 0) return { kind: "refused", reasons: refusals.slice(0, maxReasons) };
  if (needs.length === 0)
    return {
      kind: "native",
      swaps,
      placed,
      made,
      whiteouts: [...findWhiteouts(original, placed, real), ...gone].sort(),
      notes: said,
    };
  if (canRunScripts(original)) return { kind: "engine", swaps, needs, notes: said };
  return {
    kind: "refused",
    reasons: needs
      .map(
        ({ name, reasons }) =>
          `${name} cannot be patched as files, and the image has no apt that would do it: ${reasons.join("; ")}`,
      )
      .slice(0, maxReasons),
  };
}

/** The rows of `Conffiles:` for the new version, and the paths of those that both sides changed. dpkg keeps those that it no longer ships, as obsolete. */
function settleConffiles(
  { tree }: Original,
  old: OriginalPackage | undefined,
  { facts }: NewPackage,
  real: (path: string) => string,
): { conffiles: Conffile[]; changed: string[] } {
  const shipped = new Set(facts.conffiles.map(([path]) => path));
  const left = (old?.conffiles ?? []).filter(
    ({ path }) => !shipped.has(path) && lookup(tree, path.slice(1), false).kind === "found",
  );
  return {
    conffiles: [
      ...facts.conffiles.map(([path, md5]) => ({ path, md5, obsolete: false })),
      ...left.map((one) => ({ ...one, obsolete: true })),
    ],
    changed: facts.conffiles.flatMap(([path, md5]) =>
      judgeConffile(tree, real(path.slice(1)), md5, old, path) === "changed" ? [path] : [],
    ),
  };
}

/** Paths of the new version where something stands that it may not replace. */
function findClashes(
  { tree, owners }: Original,
  old: OriginalPackage | undefined,
  { facts, swap }: NewPackage,
  swapped: ReadonlySet<string>,
): { refusals: string[]; needs: string[] } {
  const refusals: string[] = [];
  const needs = new Set<string>();
  const own = new Set(old?.paths ?? []);
  for (const { path, kind } of facts.entries) {
    const there = lookup(tree, path, false);
    if (there.kind === "loop") refusals.push(`/${path} of ${swap.name} stands behind links that lead in a circle`);
    if (there.kind !== "found") continue;
    const { entry, children } = there.node;
    if (kind === "directory") {
      if (children === undefined) refusals.push(`/${path}, a folder of ${swap.name}, is a ${entry.type} in the image`);
      continue;
    }
    if (children !== undefined) refusals.push(`/${path} of ${swap.name} is a folder in the image`);
    if (entry.xattrs !== undefined && entry.xattrs.length > 0)
      needs.add(`/${path} has the attribute ${entry.xattrs[0] ?? ""}, which comes from a script or its owner`);
    const owner = owners.get(path);
    if (own.has(path) || owner === undefined || swapped.has(owner.name)) continue;
    const replaces = parseRelations(facts.replaces).some((group) => group.some(({ name }) => name === owner.name));
    if (replaces) needs.add(`it takes /${path} over from ${owner.name}`);
    else refusals.push(`/${path} of ${swap.name} ${swap.to} belongs to ${owner.name}`);
  }
  return { refusals, needs: [...needs].slice(0, 5) };
}

/** Diversions and modes that the image's owner, or another package, has told dpkg: dpkg-divert(1), dpkg-statoverride(1). */
function readPlaces({ tree }: Original): { against(next: NewPackage): string[] } {
  const diverted = new Map<string, string>();
  const lines = (contentOf(tree, "var/lib/dpkg/diversions") ?? "").split("\n");
  for (let at = 0; at + 2 < lines.length; at += 3) diverted.set(lines[at] ?? "", lines[at + 2] ?? "");
  const overridden = new Set(
    (contentOf(tree, "var/lib/dpkg/statoverride") ?? "")
      .split("\n")
      .flatMap((line) => /^\S+ \S+ \S+ (\/.*)$/.exec(line)?.[1] ?? []),
  );
  return {
    against: ({ files, swap }) => {
      const reasons: string[] = [];
      for (const path of (files.get("list") ?? "").split("\n")) {
        const by = diverted.get(path);
        if (by !== undefined && by !== swap.name) reasons.push(`${path} is diverted`);
        if (overridden.has(path)) reasons.push(`${path} has a mode of its own in statoverride`);
      }
      return reasons.slice(0, 5);
    },
  };
}

function canRunScripts({ tree, database }: Original): boolean {
  const has = (path: string): boolean => lookup(tree, path).kind === "found";
  return database === "status" && has("usr/bin/apt-get") && has("usr/bin/dpkg") && has("bin/sh");
}
