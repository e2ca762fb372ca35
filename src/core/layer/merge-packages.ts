import { parseRelations, type RelationOperator } from "../packages/index.ts";
import { compareDebText } from "../version/index.ts";
import { BuildError } from "./error.ts";
import type { PackageEntry, PackageFacts } from "./types.ts";

/** What must change in a package for it to stand beside the others. */
export interface Alteration {
  /** Paths of the image that another package took over. */
  readonly without: readonly string[];
  /** Folders of the package that are a link in another one, and where it leads: what is below goes there. */
  readonly moves: readonly (readonly [from: string, to: string])[];
  /** Paths that the image goes without, though the package's list names them: what dpkg.cfg(5) excludes, or a conffile that the image has its own version of. */
  readonly absent?: readonly string[];
  /** Whether every path is first put where the package itself has it, for an image whose /usr is not merged. */
  readonly own?: true;
}

/**
 * Settles the paths that several of `packages` ship, by name of the package that must be altered. The same content in two
 * packages is no conflict, and the first has it; else the one that Replaces the other has it (Debian Policy 7.6.1); else FILE_CONFLICT names both.
 * A folder of one that is a link in another goes through the link, as dpkg would write it.
 */
export function mergePackages(packages: readonly PackageFacts[]): ReadonlyMap<string, Alteration> {
  const owners = new Map<string, { facts: PackageFacts; entry: PackageEntry }[]>();
  for (const facts of packages)
    for (const entry of facts.entries) {
      const others = owners.get(entry.path);
      if (others === undefined) owners.set(entry.path, [{ facts, entry }]);
      else others.push({ facts, entry });
    }
  const without = new Map<string, Set<string>>();
  const moves = new Map<string, Map<string, string>>();
  const drop = (name: string, path: string): void => {
    const paths = without.get(name) ?? new Set();
    without.set(name, paths.add(path));
  };
  for (const [path, all] of owners) {
    if (all.length < 2 || all.every(({ entry }) => entry.kind === "directory")) continue;
    const link = all.find(({ entry }) => entry.kind === "symlink");
    const folders = all.filter(({ entry }) => entry.kind === "directory");
    if (folders.length > 0) {
      const target = link === undefined ? undefined : resolveLink(path, link.entry.link ?? "");
      if (target === undefined) throw conflict(path, all[0]?.facts, all[1]?.facts);
      for (const { facts } of folders) {
        const list = moves.get(facts.name) ?? new Map<string, string>();
        moves.set(facts.name, list.set(path, target));
      }
    }
    const rest = all.filter(({ entry }) => entry.kind !== "directory");
    let winner = rest[0];
    for (const each of rest.slice(1)) {
      if (winner === undefined) continue;
      if (sameEntry(winner.entry, each.entry)) {
        drop(each.facts.name, path);
        continue;
      }
      const first = replaces(winner.facts, each.facts);
      const second = replaces(each.facts, winner.facts);
      if (first === second) throw conflict(path, winner.facts, each.facts);
      const loser = first ? each : winner;
      drop(loser.facts.name, path);
      if (second) winner = each;
    }
  }
  const altered = new Map<string, Alteration>();
  for (const name of [...new Set([...without.keys(), ...moves.keys()])].sort())
    altered.set(name, {
      without: [...(without.get(name) ?? [])].sort(),
      moves: [...(moves.get(name) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)),
    });
  return altered;
}

function sameEntry(a: PackageEntry, b: PackageEntry): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === "symlink" || a.kind === "hardlink") return a.link === b.link;
  return a.sha256 === b.sha256 && a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

const orders: Readonly<Record<RelationOperator, (order: number) => boolean>> = {
  "<<": (order) => order < 0,
  "<=": (order) => order <= 0,
  "=": (order) => order === 0,
  ">=": (order) => order >= 0,
  ">>": (order) => order > 0,
};

function replaces(one: PackageFacts, other: PackageFacts): boolean {
  if (one.replaces === "") return false;
  return parseRelations(one.replaces).some((group) =>
    group.some(({ name, operator, version }) => {
      if (name !== other.name) return false;
      if (operator === undefined || version === undefined) return true;
      return orders[operator](compareDebText(other.version, version));
    }),
  );
}

/** The path that a link at `path` leads to; undefined where that is above the root or the root itself. */
function resolveLink(path: string, link: string): string | undefined {
  const parts = link.startsWith("/") ? [] : path.split("/").slice(0, -1);
  for (const part of link.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else parts.push(part);
  }
  return parts.length === 0 ? undefined : parts.join("/");
}

function conflict(path: string, one: PackageFacts | undefined, other: PackageFacts | undefined): BuildError {
  const shown = (facts: PackageFacts | undefined): string => `${facts?.name ?? ""} ${facts?.version ?? ""}`;
  return new BuildError(
    "FILE_CONFLICT",
    `${shown(one)} and ${shown(other)} both ship /${path}, with different content, and neither replaces the other`,
    { hint: "Leave one of the two out, or pin a version of one that does not ship it." },
  );
}
