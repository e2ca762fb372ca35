import type { InstalledPackage, Inventory, PackageType } from "./types.ts";

/** A package of any kind that differs between two inventories. */
export interface PackageDifference {
  readonly type: PackageType;
  readonly name: string;
  /** Empty where its kind has none. */
  readonly architecture: string;
  /** Undefined where it is not there. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** The file that tells of it, where it is in no database: in the second, or the first where it is gone. */
  readonly path: string | undefined;
}

/**
 * What differs from `before` to `after` among packages of every kind, sorted by kind, name, architecture and place. One that lies at the same place in another version changed; the same version at another place
 * is no difference; what is left is paired in the order of its places. What a distribution's package brought is told of by that one.
 */
export function diffPackages(
  before: Pick<Inventory, "packages">,
  after: Pick<Inventory, "packages">,
): PackageDifference[] {
  const groups = new Map<string, { from: InstalledPackage[]; to: InstalledPackage[] }>();
  const add = (side: "from" | "to", packages: readonly InstalledPackage[]): void => {
    for (const one of packages) {
      if (one.owner !== undefined) continue;
      const key = [one.type, one.name, one.architecture].join("\0");
      const group = groups.get(key) ?? { from: [], to: [] };
      group[side].push(one);
      groups.set(key, group);
    }
  };
  add("from", before.packages);
  add("to", after.packages);
  return [...groups.keys()].sort().flatMap((key) => {
    const { from, to } = groups.get(key) ?? { from: [], to: [] };
    return pair(from.sort(byPlace), to.sort(byPlace));
  });
}

function pair(from: readonly InstalledPackage[], to: readonly InstalledPackage[]): PackageDifference[] {
  const changed: [InstalledPackage | undefined, InstalledPackage | undefined][] = [];
  const take = (
    lefts: readonly InstalledPackage[],
    rights: readonly InstalledPackage[],
    keyOf: (one: InstalledPackage) => string,
    keep: boolean,
  ): [InstalledPackage[], InstalledPackage[]] => {
    const rest = [...rights];
    const left = lefts.filter((one) => {
      const at = rest.findIndex((other) => keyOf(other) === keyOf(one));
      if (at < 0) return true;
      const [other] = rest.splice(at, 1);
      if (keep) changed.push([one, other]);
      return false;
    });
    return [left, rest];
  };
  const [moved, fresh] = take(from, to, ({ version, path }) => `${version} ${path ?? ""}`, false);
  const [left, right] = take(moved, fresh, ({ path }) => path ?? "", true);
  const [gone, come] = take(left, right, ({ version }) => version, false);
  for (let at = 0; at < Math.max(gone.length, come.length); at += 1) changed.push([gone[at], come[at]]);
  return changed
    .flatMap(([a, b]): PackageDifference[] => {
      const one = b ?? a;
      if (one === undefined) return [];
      const { type, name, architecture, path } = one;
      return [{ type, name, architecture, from: a?.version, to: b?.version, path }];
    })
    .sort((a, b) => compare(a.path ?? "", b.path ?? ""));
}

function byPlace(a: InstalledPackage, b: InstalledPackage): number {
  return compare(a.path ?? "", b.path ?? "") || compare(a.version, b.version);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
