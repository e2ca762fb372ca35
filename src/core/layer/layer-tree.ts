import { generatedTime } from "./database-members.ts";
import { inPrecedence } from "./folders.ts";
import type { LayerEntry } from "./skeleton.ts";
import type { PackageFacts } from "./types.ts";

type Node = Omit<LayerEntry, "content">;

const maxLinks = 40;
/** Folders and links of a package by path: what layers above it need to know. */
const nodesOf = new WeakMap<PackageFacts, ReadonlyMap<string, Node>>();

/** The folders and links of an image, as far as its layers have been made. */
export class LayerTree {
  private readonly packages: readonly PackageFacts[];
  private readonly added = new Map<string, Node>();

  constructor(packages: readonly PackageFacts[]) {
    this.packages = inPrecedence(packages);
  }

  /** Takes in the entries of a layer above. */
  add(entries: readonly LayerEntry[]): void {
    for (const { content: _, ...node } of entries) this.added.set(node.path, node);
  }

  /** The folder or link at a path, or a file of {@link add}; links before it are not followed. */
  find(path: string): Node | undefined {
    const added = this.added.get(path);
    if (added !== undefined) return added;
    for (const facts of this.packages) {
      const node = indexOf(facts).get(path);
      if (node !== undefined) return node;
    }
    return undefined;
  }

  /** Whether one of `paths` is a file of a package, and which. */
  findFile(paths: ReadonlySet<string>): string | undefined {
    if (paths.size === 0) return undefined;
    for (const { entries } of this.packages)
      for (const { path, kind } of entries) if (kind !== "directory" && paths.has(path)) return path;
    return undefined;
  }

  /** `path` with the links before its last part followed, and with `last` that of the last part; undefined where they lead in a circle. */
  resolve(path: string, last = false): string | undefined {
    let rest = path.split("/").filter(isPart);
    let done: string[] = [];
    let links = 0;
    for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
      if (part === "..") {
        done.pop();
        continue;
      }
      const node = rest.length > 0 || last ? this.find([...done, part].join("/")) : undefined;
      if (node?.kind !== "symlink") {
        done.push(part);
        continue;
      }
      links += 1;
      if (links > maxLinks) return undefined;
      const target = node.link ?? "";
      if (target.startsWith("/")) done = [];
      rest = [...target.split("/").filter(isPart), ...rest];
    }
    return done.join("/");
  }

  /**
   * `entries` with the folders above them, each once and before what is in it: as the layers below have them, else 0755 of root.
   * A layer must bring them, for Docker unpacks it without those below, and its folders hide theirs.
   */
  withParents(entries: readonly LayerEntry[]): LayerEntry[] {
    const own = new Map(entries.map((entry) => [entry.path, entry]));
    const seen = new Set<string>();
    const whole: LayerEntry[] = [];
    const take = (entry: LayerEntry): void => {
      if (seen.has(entry.path)) return;
      seen.add(entry.path);
      const slash = entry.path.lastIndexOf("/");
      if (slash > 0) take(folder(entry.path.slice(0, slash)));
      whole.push(entry);
    };
    const folder = (path: string): LayerEntry => {
      const node = own.get(path) ?? this.find(path);
      if (node?.kind === "directory") return node;
      return { path, kind: "directory", mode: 0o755, uid: 0, gid: 0, mtime: generatedTime };
    };
    for (const entry of entries) take(entry);
    return whole;
  }
}

function indexOf(facts: PackageFacts): ReadonlyMap<string, Node> {
  let nodes = nodesOf.get(facts);
  if (nodes === undefined) {
    nodes = new Map(facts.entries.flatMap((entry) => (isNode(entry.kind) ? [[entry.path, nodeOf(entry)]] : [])));
    nodesOf.set(facts, nodes);
  }
  return nodes;
}

function nodeOf({ path, kind, mode, uid, gid, mtime, link }: Node): Node {
  return { path, kind, mode, uid, gid, mtime, ...(link === undefined ? {} : { link }) };
}

function isNode(kind: Node["kind"]): boolean {
  return kind === "directory" || kind === "symlink";
}

function isPart(part: string): boolean {
  return part !== "" && part !== ".";
}
