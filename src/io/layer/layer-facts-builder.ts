import {
  keepsContent,
  recogniserOf,
  type AskTerms,
  type EntryType,
  type FileHolds,
  type LayerEntry,
  type LayerFacts,
  type LayerProblem,
} from "../../core/inventory/index.ts";
import type { TarHeader, TarSink } from "../../core/layer/index.ts";
import type { Digest } from "../../lib/index.ts";
import { ContentReader } from "./content-facts.ts";
import { LayerError } from "./error.ts";
import type { LayerLimits } from "./limits.ts";
import { normalizePath } from "./normalize-path.ts";

const maxProblems = 1000;
const whiteout = ".wh.";
const entryTypes = new Map<string, EntryType>([
  ["0", "file"],
  ["1", "hardlink"],
  ["2", "symlink"],
  ["3", "character"],
  ["4", "block"],
  ["5", "directory"],
  ["6", "fifo"],
]);
/** Attributes that give rights, or that an overlay file system obeys. */
const telling = /^(?:security\.capability|trusted\..+|user\.overlay\..+)$/;

/** Collects a layer's facts from its members. By policy a member that would leave the image, or that no file system could hold, is left out and named. */
export class LayerFactsBuilder implements TarSink {
  private readonly limits: LayerLimits;
  private readonly what: string;
  private readonly entries: LayerEntry[] = [];
  private readonly whiteouts: string[] = [];
  private readonly opaques: string[] = [];
  private readonly problems: LayerProblem[] = [];
  private readonly files = new Set<string>();
  private members = 0;
  private names = 0;
  private kept = 0;
  private held = 0;
  private current: { entry: LayerEntry; reader: ContentReader } | undefined;

  constructor(limits: LayerLimits, what: string) {
    this.limits = limits;
    this.what = what;
  }

  begin(header: TarHeader): void {
    this.members += 1;
    this.names += header.path.length + header.link.length;
    if (this.members > this.limits.entries) throw this.tooLarge(`it has more than ${this.limits.entries} entries`);
    if (this.names > this.limits.names) throw this.tooLarge(`its paths have more than ${this.limits.names} bytes`);
    const path = normalizePath(header.path, this.limits.pathLength);
    if (path.kind !== "path") return this.problem(path.kind, header.path, path.why);
    if (path.path === "" && header.flag !== "5")
      return this.problem("bad-name", header.path, "it names the root itself");
    if (path.path.includes(whiteout) && this.hide(path.path)) return;
    this.member(header, path.path);
  }

  data(chunk: Buffer): void {
    this.current?.reader.push(chunk);
  }

  end(): void {
    if (this.current === undefined) return;
    const { entry, reader } = this.current;
    this.current = undefined;
    const facts = reader.finish();
    this.add({ ...entry, ...facts, ...(facts.holds === undefined ? {} : { holds: this.admit(facts.holds) }) });
  }

  /** The facts of all members that came. */
  facts(diffId: Digest, unpacked: number): LayerFacts {
    const { entries, whiteouts, opaques, problems } = this;
    return { diffId, unpacked, entries, whiteouts, opaques, problems };
  }

  private member(header: TarHeader, path: string): void {
    const type = entryTypes.get(header.flag);
    if (type === undefined) return this.problem("bad-name", path, "it is of a type that we do not know");
    const xattrs = header.xattrs.filter((name) => telling.test(name));
    for (const name of xattrs)
      if (name !== "security.capability") this.problem("xattr", path, `it has the attribute ${name}`);
    const { mode, uid, gid } = header;
    const base = { path, type, mode, uid, gid, size: 0, ...(xattrs.length === 0 ? {} : { xattrs }) };
    switch (type) {
      case "file":
        if (header.sparse) this.problem("oversized", path, "it is stored with holes, its content cannot be told");
        this.current = { entry: base, reader: this.readerOf(path, header.size) };
        return;
      case "symlink":
      case "hardlink":
        this.link({ ...base, type }, header.link);
        return;
      case "character":
      case "block":
        this.device(base, header);
        return;
      case "directory":
      case "fifo":
        this.add(base);
    }
  }

  private link(entry: LayerEntry & { type: "symlink" | "hardlink" }, target: string): void {
    const { path } = entry;
    if (entry.type === "symlink") {
      const isBad = target === "" || target.includes("\0") || target.length > this.limits.pathLength;
      if (isBad) return this.problem("bad-link", path, "its target is empty, too long, or holds a NUL");
      return this.add({ ...entry, link: target });
    }
    const to = normalizePath(target, this.limits.pathLength);
    if (to.kind !== "path") return this.problem(to.kind, path, `it is a hard link, and ${to.why}`);
    return this.add({ ...entry, link: to.path });
  }

  /** A device is a fact like another, but a character device 0:0 is what overlay file systems take for "deleted". */
  private device(entry: LayerEntry, { device }: TarHeader): void {
    this.problem("device", entry.path, "it is a device node");
    const isWhiteout = entry.type === "character" && device[0] === 0 && device[1] === 0;
    if (!isWhiteout) return this.add(entry);
    this.problem("bad-whiteout", entry.path, "it is the device node 0:0, which some engines take for a deletion");
    this.whiteouts.push(entry.path);
  }

  /** Takes note of a whiteout; false where the path is none. image-spec, layer.md, Whiteouts. */
  private hide(path: string): boolean {
    const parts = path.split("/");
    const name = parts.pop() ?? "";
    if (parts.some((part) => part.startsWith(whiteout))) {
      this.problem("bad-whiteout", path, "a folder of it has the name of a whiteout");
      return true;
    }
    if (!name.startsWith(whiteout)) return false;
    const folder = parts.join("/");
    const hidden = name.slice(whiteout.length);
    if (hidden === ".wh..opq") this.opaques.push(folder);
    else if (hidden === "" || hidden === "." || hidden === "..")
      this.problem("bad-whiteout", path, "it is a whiteout of nothing");
    // What else begins with `.wh..wh.` is aufs's own bookkeeping.
    else if (!hidden.startsWith(whiteout)) this.whiteouts.push(folder === "" ? hidden : `${folder}/${hidden}`);
    return true;
  }

  private readerOf(path: string, size: number): ContentReader {
    const by = recogniserOf(path);
    return new ContentReader(this.keeps(path, size), by && { by, path, size });
  }

  private keeps(path: string, size: number): boolean {
    if (!keepsContent(path)) return false;
    if (size > this.limits.keptFile || this.kept + size > this.limits.kept) {
      this.problem("oversized", path, `it has ${size} bytes, too many to be read`);
      return false;
    }
    this.kept += size;
    return true;
  }

  /** What a file holds, as far as there is room for it in the facts. */
  private admit(holds: FileHolds): FileHolds {
    for (const one of holds.packages) {
      this.held += 100 + one.name.length + one.version.length + (one.inside?.length ?? 0);
      for (const [path] of one.files ?? []) this.held += 50 + path.length;
    }
    for (const { by, inside = "", of } of holds.asks ?? []) {
      this.held += 50 + by.length + inside.length;
      for (const [name, range, terms] of of) this.held += 20 + name.length + range.length + sizeOf(terms);
    }
    if (this.held <= this.limits.held) return holds;
    return {
      packages: [],
      problem: `the files of its layer tell of more packages than ${this.limits.held} bytes hold`,
    };
  }

  private add(entry: LayerEntry): void {
    if (entry.type !== "directory") {
      if (this.files.has(entry.path))
        this.problem("duplicate", entry.path, "it comes more than once, the last one counts");
      this.files.add(entry.path);
    }
    this.entries.push(entry);
  }

  private problem(kind: LayerProblem["kind"], path: string, message: string): void {
    if (this.problems.length < maxProblems) this.problems.push({ kind, path: path.slice(0, 300), message });
  }

  private tooLarge(why: string): LayerError {
    return new LayerError("LAYER_TOO_LARGE", `${this.what}: ${why}`, {
      hint: "If the image really is that large, raise the limit for layers in the configuration.",
    });
  }
}

function sizeOf(terms: AskTerms | undefined): number {
  if (terms === undefined) return 0;
  return 20 + (terms.when?.length ?? 0) + (terms.extras ?? []).reduce((sum, one) => sum + 5 + one.length, 0);
}
