import type { LockFile } from "../inventory/index.ts";
import { compareVersions, higherOf, isSameVersion, spelledName } from "./order.ts";
import type { BumpMove, BumpType, LockedBump } from "./types.ts";

/** A package that has other versions in the new lock file than in the old one. */
export interface LockChange {
  readonly name: string;
  /** Versions that went. */
  readonly from: readonly string[];
  /** Versions that came. */
  readonly to: readonly string[];
}

export type BumpProof =
  | { readonly kind: "proven"; readonly changes: readonly LockChange[] }
  | { readonly kind: "refused"; readonly reason: string };

/** A lock file before and after, and what of it may go without being asked for. */
export interface LockPair {
  readonly before: LockFile;
  readonly after: LockFile;
  /** Whether versions of a package that went may have: nobody but what changed needed them. */
  readonly mayGo: (name: string, versions: readonly string[]) => boolean;
}

/**
 * Whether a new lock file is what was asked for: every version that was to go is gone, its successor or a newer one is there, and nothing else went back or away that is still needed. What came along is told.
 */
export function proveBump(bump: Pick<LockedBump, "type" | "package" | "moves">, pair: LockPair): BumpProof {
  const { type } = bump;
  const [before, after] = [versionsByName(type, pair.before), versionsByName(type, pair.after)];
  const own = spelledName(type, bump.package);
  const reason =
    findUnread(pair) ??
    bump.moves
      .map((move) => findUnmoved(bump, move, after.get(own) ?? [], pair.after))
      .find((one) => one !== undefined);
  if (reason !== undefined) return { kind: "refused", reason };
  const changes: LockChange[] = [];
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [had, has] = [before.get(name) ?? [], after.get(name) ?? []];
    const change = { name, from: had.filter((one) => !has.includes(one)), to: has.filter((one) => !had.includes(one)) };
    if (change.from.length === 0 && change.to.length === 0) continue;
    const wrong = findLoss(type, change, has, pair.mayGo);
    if (wrong !== undefined) return { kind: "refused", reason: wrong };
    changes.push(change);
  }
  return { kind: "proven", changes: changes.sort((a, b) => compareNames(own, a.name, b.name)) };
}

/** What the old lock file did not have to be excused for. */
function findUnread({ before, after }: LockPair): string | undefined {
  const known = new Set(before.problems);
  const fresh = after.problems.find((one) => !known.has(one));
  return fresh === undefined ? undefined : `of the new lock file it is said: ${fresh}`;
}

function findUnmoved(
  { type, package: name }: Pick<LockedBump, "type" | "package">,
  { from, to }: BumpMove,
  has: readonly string[],
  after: LockFile,
): string | undefined {
  if (has.some((one) => isSameVersion(type, one, from))) {
    const [first] = after.requestsOf(name, from);
    const who = first === undefined ? "" : `: ${first.by} asks for ${first.range || "any version"}`;
    return `${name} ${from} is still there${who}`;
  }
  const isThere = has.some((one) => (compareVersions(type, one, to) ?? -1) >= 0);
  return isThere ? undefined : `${name} ${to}, or a newer one, is not there`;
}

/** Why a change is a loss; undefined where what went has a newer successor, or nobody needs it any more. */
function findLoss(
  type: BumpType,
  { name, from, to }: LockChange,
  has: readonly string[],
  mayGo: LockPair["mayGo"],
): string | undefined {
  const [first, ...others] = from;
  if (first === undefined) return undefined;
  const highest = others.reduce((a, b) => higherOf(type, a, b), first);
  const left = to.length === 0 ? has : to;
  if (left.some((one) => (compareVersions(type, one, highest) ?? -1) >= 0)) return undefined;
  if (to.length === 0 && mayGo(name, from)) return undefined;
  return left.length === 0
    ? `${name} ${highest} would go, and nothing says that it is not needed`
    : `${name} would go back from ${highest} to ${left.join(", ")}`;
}

function versionsByName(type: BumpType, { packages }: LockFile): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { name, version } of packages) {
    const key = spelledName(type, name);
    const known = found.get(key);
    if (known === undefined) found.set(key, [version]);
    else known.push(version);
  }
  return found;
}

/** What was asked for comes first. */
function compareNames(own: string, a: string, b: string): number {
  return Number(b === own) - Number(a === own) || (a < b ? -1 : 1);
}
