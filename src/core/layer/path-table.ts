import type { PackageFacts } from "./types.ts";

const isFolder = 1;

/**
 * Which packages of the whole fleet ship a path, over all their versions. An image asks only which of its packages meet another
 * of its packages anywhere, so that one whose packages do not meet costs a look a package, whatever their number of files.
 */
export class PathTable {
  private readonly ids = new Map<string, number>();
  private readonly owners = new Map<string, number[]>();
  private readonly meets = new Map<string, Set<string>>();
  private readonly names: string[] = [];
  private readonly seen = new Set<string>();

  /** Takes in a package; `key` tells one from another. */
  add(key: string, facts: PackageFacts): void {
    if (this.seen.has(key)) return;
    this.seen.add(key);
    let id = this.ids.get(facts.name);
    if (id === undefined) {
      id = this.names.length;
      this.ids.set(facts.name, id);
      this.names.push(facts.name);
    }
    for (const { path, kind } of facts.entries) this.own(path, id * 2 + (kind === "directory" ? isFolder : 0));
  }

  /** The packages among `names` that ship a path which another of them ships too, folders aside. */
  contested(names: ReadonlySet<string>): string[] {
    const found: string[] = [];
    for (const name of names) {
      const others = this.meets.get(name);
      if (others === undefined) continue;
      for (const other of others) {
        if (!names.has(other)) continue;
        found.push(name);
        break;
      }
    }
    return found;
  }

  /** Whether a version of a package among `names` ships `path`, as a folder or anything else. */
  ships(path: string, names: ReadonlySet<string>): boolean {
    return this.owners.get(path)?.some((owner) => names.has(this.names[owner >> 1] ?? "")) === true;
  }

  private own(path: string, owner: number): void {
    const owners = this.owners.get(path);
    if (owners === undefined) {
      this.owners.set(path, [owner]);
      return;
    }
    if (owners.includes(owner)) return;
    for (const other of owners) {
      if (other >> 1 === owner >> 1 || (other & owner & isFolder) === isFolder) continue;
      this.meet(other >> 1, owner >> 1);
      this.meet(owner >> 1, other >> 1);
    }
    owners.push(owner);
  }

  private meet(one: number, other: number): void {
    const name = this.names[one] ?? "";
    let others = this.meets.get(name);
    if (others === undefined) this.meets.set(name, (others = new Set()));
    others.add(this.names[other] ?? "");
  }
}
