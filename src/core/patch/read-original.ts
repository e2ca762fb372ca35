import {
  debsOf,
  listFolder,
  lookup,
  parseMd5Sums,
  readText,
  type InstalledPackage,
  type Inventory,
  type Tree,
} from "../inventory/index.ts";
import { createUniverse } from "../packages/index.ts";
import type { Conffile, Original, OriginalPackage } from "./types.ts";

const home = "var/lib/dpkg";
const maxPackages = 20_000;
const maxReasons = 20;

export type ReadOriginal =
  | { readonly kind: "read"; readonly original: Original }
  | { readonly kind: "refused"; readonly reasons: readonly string[] };

interface Stanza {
  readonly text: string;
  readonly place: OriginalPackage["place"];
}

/**
 * What a patch must know of the image in `tree`, which `inventory` was read from. Refused where its package database cannot be read whole, is not dpkg's, names a package
 * twice, has one that is not properly installed, or stands behind a link.
 */
export function readOriginal(tree: Tree, inventory: Inventory): ReadOriginal {
  const refused = (reasons: readonly string[]): ReadOriginal => ({
    kind: "refused",
    reasons: reasons.slice(0, maxReasons),
  });
  for (const path of [home, `${home}/info`, `${home}/status.d`, `${home}/status`]) {
    const found = lookup(tree, path);
    if (found.kind === "loop" || (found.kind === "found" && found.path !== path))
      return refused([`${path}: the package database stands behind a link`]);
  }
  if (inventory.system !== "complete") return refused(inventory.problems);
  const debs = debsOf(inventory);
  if (debs.length > maxPackages)
    return refused([`it has ${debs.length} packages, more than the ${maxPackages} that are looked at`]);
  const status = contentOf(tree, `${home}/status`);
  const files = listFolder(tree, `${home}/status.d`).filter((name) => !name.endsWith(".md5sums"));
  if (status !== undefined && files.length > 0)
    return refused([`${home}: it has two package databases, status and status.d`]);
  const stanzas = status === undefined ? stanzasOfFiles(tree, files) : splitStatus(status);
  const byKey = new Map(debs.map((one) => [`${one.name} ${one.architecture}`, one]));
  const problems: string[] = [];
  const packages: OriginalPackage[] = [];
  const seen = new Set<string>();
  const real = createResolver(tree);
  for (const stanza of stanzas) {
    const fields = fieldsOf(stanza.text);
    const key = `${fields.get("package") ?? ""} ${fields.get("architecture") ?? ""}`;
    const installed = byKey.get(key);
    const state = fields.get("status")?.split(/\s+/) ?? [];
    if (installed === undefined || state[2] === "config-files" || state[2] === "not-installed") continue;
    if (seen.has(key)) problems.push(`${key.replace(" ", ":")} stands in the database twice`);
    seen.add(key);
    if (state.length > 0 && (state[1] !== "ok" || state[2] !== "installed"))
      problems.push(`${installed.name} is ${state.slice(1).join(" ").slice(0, 40)}, not properly installed`);
    packages.push(describe(tree, real, installed, stanza, fields, state[0] === "hold"));
  }
  if (problems.length > 0) return refused(problems);
  const architecture = mainArchitecture(packages);
  const universe = createUniverse(architecture, [{ origin: installedOrigin, bytes: indexOf(packages) }]);
  const records = packages.map((one): OriginalPackage => {
    const record = universe
      .versions(one.name)
      .find((each) => each.version === one.version && each.architecture === one.architecture);
    return record === undefined ? one : { ...one, record };
  });
  return {
    kind: "read",
    original: {
      tree,
      database: status === undefined ? "status.d" : "status",
      status: status ?? "",
      architecture,
      packages: records,
      universe,
      isMerged: ["bin", "sbin", "lib"].every((path) => isMergedLink(tree, path)),
      owners: new Map(records.flatMap((one) => one.paths.map((path) => [path, one] as const))),
    },
  };
}

/** What offers the packages that are there. */
const installedOrigin = "installed";

/** Paths with the links of their folders followed, that of their last part not. */
export function createResolver(tree: Tree): (path: string) => string {
  const folders = new Map<string, string>();
  return (path) => {
    const slash = path.lastIndexOf("/");
    if (slash < 0) return path;
    const parent = path.slice(0, slash);
    let folder = folders.get(parent);
    if (folder === undefined) {
      const found = lookup(tree, parent);
      folder = found.kind === "found" ? found.path : found.kind === "missing" ? found.path : parent;
      folders.set(parent, folder);
    }
    return folder === "" ? path.slice(slash + 1) : `${folder}/${path.slice(slash + 1)}`;
  };
}

function describe(
  tree: Tree,
  real: (path: string) => string,
  installed: InstalledPackage,
  { text, place }: Stanza,
  fields: ReadonlyMap<string, string>,
  held: boolean,
): OriginalPackage {
  const { name, version, architecture, source, sourceVersion } = installed;
  const qualified = `${home}/info/${name}:${architecture}`;
  const info = lookup(tree, `${qualified}.list`).kind === "found" ? qualified : `${home}/info/${name}`;
  const sums = place.kind === "file" ? `${place.path}.md5sums` : `${info}.md5sums`;
  const conffiles = readConffiles(fields.get("conffiles") ?? "");
  const listed = linesOf(tree, `${info}.list`).flatMap((line) => (line.length > 2 ? line.slice(1) : []));
  const summed = parseMd5Sums(linesOf(tree, sums)).map(({ path }) => path);
  const paths = [...listed, ...summed, ...conffiles.map(({ path }) => path.slice(1))].map(real);
  return {
    name,
    version,
    architecture,
    source,
    sourceVersion,
    record: {
      name,
      version,
      architecture,
      source,
      sourceVersion,
      multiArch: "no",
      essential: false,
      priority: "optional",
      origin: installedOrigin,
      filename: "",
      size: 0,
      sha256: `sha256:${"0".repeat(64)}`,
      stanza: "",
    },
    stanza: text,
    place,
    held,
    conffiles,
    info,
    listed,
    paths: [...new Set(paths)],
  };
}

/** The installed packages as an index of a suite, so that their relations are read as every other's. */
function indexOf(packages: readonly OriginalPackage[]): Buffer {
  const stanzas = packages.map(({ name, stanza }) => {
    const rest = stanza
      .replace(/^(?:Package|Status|Conffiles|Config-Version|Filename|Size|SHA256):.*(?:\n[ \t].*)*\n?/gim, "")
      .trim();
    return `Package: ${name}\n${rest}\nFilename: none/${encodeURIComponent(name)}\nSize: 0\nSHA256: ${"0".repeat(64)}\n`;
  });
  return Buffer.from(stanzas.join("\n"), "latin1");
}

function splitStatus(status: string): Stanza[] {
  const stanzas: Stanza[] = [];
  for (let start = 0; start < status.length;) {
    const gap = status.indexOf("\n\n", start);
    const end = gap < 0 ? status.length : gap + 2;
    if (status.slice(start, end).trim() !== "")
      stanzas.push({ text: status.slice(start, end), place: { kind: "status", start, end } });
    start = end;
  }
  return stanzas;
}

function stanzasOfFiles(tree: Tree, files: readonly string[]): Stanza[] {
  return files.flatMap((name) => {
    const path = `${home}/status.d/${name}`;
    const text = contentOf(tree, path);
    return text === undefined ? [] : [{ text, place: { kind: "file", path } as const }];
  });
}

/** A kept file, one character a byte. */
export function contentOf(tree: Tree, path: string): string | undefined {
  const found = lookup(tree, path);
  if (found.kind !== "found" || found.node.entry.content === undefined) return undefined;
  return Buffer.from(found.node.entry.content).toString("latin1");
}

function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = "";
  for (const line of text.split("\n")) {
    if (/^[ \t]/.test(line)) fields.set(last, `${fields.get(last) ?? ""}\n${line}`);
    else {
      const colon = line.indexOf(":");
      last = line.slice(0, Math.max(colon, 0)).toLowerCase();
      fields.set(last, line.slice(colon + 1).trim());
    }
  }
  return fields;
}

function readConffiles(field: string): Conffile[] {
  return field.split("\n").flatMap((line) => {
    const [, path, md5, flags = ""] = /^\s*(\/\S+) ([0-9a-f]{32}|newconffile)((?: [a-z-]+)*)$/.exec(line) ?? [];
    return path === undefined || md5 === undefined ? [] : [{ path, md5, obsolete: flags.includes("obsolete") }];
  });
}

/** The architecture that most packages are of. */
function mainArchitecture(packages: readonly OriginalPackage[]): string {
  const counts = new Map<string, number>();
  for (const { architecture } of packages)
    if (architecture !== "all") counts.set(architecture, (counts.get(architecture) ?? 0) + 1);
  const [most] = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return most?.[0] ?? "all";
}

function isMergedLink(tree: Tree, path: string): boolean {
  const found = lookup(tree, path, false);
  return (
    found.kind === "found" &&
    found.node.entry.type === "symlink" &&
    /^\/?usr\/[a-z]+\/?$/.test(found.node.entry.link ?? "")
  );
}

function linesOf(tree: Tree, path: string): string[] {
  const file = readText(tree, path);
  return file.kind === "read" ? file.text.split("\n") : [];
}
