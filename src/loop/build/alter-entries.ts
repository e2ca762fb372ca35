import { BuildError, type Alteration, type RawEntry } from "../../core/layer/index.ts";

/** What says which packages are installed: a package that ships some of it could name others. */
const database = /^var\/lib\/dpkg\/(?:status|status\.d\/.*|info\/.*|arch|diversions|statoverride)$/;

export interface AlteredEntries {
  readonly entries: readonly RawEntry[];
  /** Paths, as the package has them, that went to another package. */
  readonly dropped: ReadonlySet<string>;
}

/**
 * What is left of a package's entries, and where, after each of `steps`; with the folders that it has things in and does not
 * ship itself. Throws BAD_PACKAGE where a hard link loses its file or two files meet, HOSTILE_PACKAGE where one is written through a link
 * or into dpkg's database.
 */
export function alterEntries(entries: readonly RawEntry[], steps: readonly Alteration[], what: string): AlteredEntries {
  const dropped = new Set<string>();
  let left = entries;
  for (const { without, moves, absent = [], own } of steps) {
    if (own === true) left = placeAsShipped(left);
    const taken = new Set(without);
    for (const entry of left) if (taken.has(entry.path)) dropped.add(entry.ownPath);
    const lost = new Set([...without, ...absent]);
    left = left.filter(({ path }) => !lost.has(path));
    checkHardLinks(left, lost, what);
    if (moves.length > 0) left = moveEntries(left, moves, what);
  }
  const forged = left.find(({ path, kind }) => kind !== "directory" && database.test(path));
  if (forged !== undefined) throw new BuildError("HOSTILE_PACKAGE", `${what}: "${forged.path}" is dpkg's own`);
  return { entries: addParents(left, what), dropped };
}

/** Every entry where the package itself has it, hard links too. */
function placeAsShipped(entries: readonly RawEntry[]): RawEntry[] {
  const places = new Map(entries.map(({ path, ownPath }) => [path, ownPath.slice(1)]));
  return entries.map((entry) => {
    const path = entry.ownPath.slice(1);
    const link = entry.kind === "hardlink" ? places.get(entry.link ?? "") : entry.link;
    return { ...entry, path, ...(link === undefined ? {} : { link }) };
  });
}

function moveEntries(entries: readonly RawEntry[], moves: Alteration["moves"], what: string): RawEntry[] {
  const moved = (path: string): string => {
    // An outer folder comes before those in it, which the next step looks at again.
    const move = moves.find(([from]) => path.startsWith(`${from}/`));
    return move === undefined ? path : move[1] + path.slice(move[0].length);
  };
  const gone = new Set(moves.map(([from]) => from));
  const seen = new Map<string, RawEntry>();
  for (const entry of entries) {
    if (entry.kind === "directory" && gone.has(entry.path)) continue;
    const path = moved(entry.path);
    const there = seen.get(path);
    if (there !== undefined) {
      if (there.kind === "directory" && entry.kind === "directory") continue;
      throw new BuildError("BAD_PACKAGE", `${what}: "${path}" comes twice, once through a link of another package`);
    }
    const link = entry.kind === "hardlink" ? { link: moved(entry.link ?? "") } : {};
    seen.set(path, { ...entry, path, ...link });
  }
  return [...seen.values()];
}

/** dpkg makes them as 0755 of root; left to whatever unpacks the layer they would differ. */
function addParents(entries: readonly RawEntry[], what: string): RawEntry[] {
  const kinds = new Map(entries.map(({ path, kind }) => [path, kind]));
  const whole: RawEntry[] = [];
  for (const entry of entries) {
    const missing: string[] = [];
    for (let slash = entry.path.lastIndexOf("/"); slash > 0; slash = entry.path.lastIndexOf("/", slash - 1)) {
      const parent = entry.path.slice(0, slash);
      const kind = kinds.get(parent);
      if (kind === "directory") break;
      if (kind !== undefined)
        throw new BuildError("HOSTILE_PACKAGE", `${what}: "${entry.path}" would be written through "${parent}"`);
      kinds.set(parent, "directory");
      missing.push(parent);
    }
    for (const path of missing.reverse())
      whole.push({
        path,
        ownPath: `/${path}`,
        kind: "directory",
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: entry.mtime,
        size: 0,
        content: [],
      });
    whole.push(entry);
  }
  return whole;
}

function checkHardLinks(left: readonly RawEntry[], lost: ReadonlySet<string>, what: string): void {
  const broken = left.find(({ kind, link }) => kind === "hardlink" && lost.has(link ?? ""));
  if (broken !== undefined)
    throw new BuildError(
      "BAD_PACKAGE",
      `${what}: "${broken.path}" is a hard link to a file that another package took over`,
    );
}
