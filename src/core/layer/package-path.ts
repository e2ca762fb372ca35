import { BuildError } from "./error.ts";

/** Folders of / that a merged /usr has as links. Debian's usrmerge; file-hierarchy(7). */
export const mergedFolders: ReadonlySet<string> = new Set(["bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"]);

const maxPath = 4096;
const maxName = 255;

/** `path` of a package as it is on a system with merged /usr: without `./` and slash, `bin/ls` as `usr/bin/ls`; `""` for the root. Throws HOSTILE_PACKAGE, naming `what`, where it is absolute, leaves the tree, or fits no file system. */
export function normalizePackagePath(path: string, what: string): string {
  if (path.includes("\0")) throw hostile(what, path, "it holds a NUL");
  if (path.startsWith("/")) throw hostile(what, path, "it is absolute");
  if (Buffer.byteLength(path, "utf8") > maxPath) throw hostile(what, path, `it is longer than ${maxPath} bytes`);
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  for (const part of parts) {
    if (part === "..") throw hostile(what, path, "it leaves its folder");
    if (part.startsWith(".wh.")) throw hostile(what, path, "it is what layers mean as a deletion");
    if (Buffer.byteLength(part, "utf8") > maxName) throw hostile(what, path, `a part is longer than ${maxName} bytes`);
  }
  return mergeUsr(parts.join("/"));
}

/** `path` through the links that every image has: those of a merged /usr, `/var/run` and `/var/lock`. */
export function mergeUsr(path: string): string {
  const slash = path.indexOf("/");
  const first = slash < 0 ? path : path.slice(0, slash);
  if (mergedFolders.has(first)) return `usr/${path}`;
  if (first !== "var") return path;
  if (path === "var/run" || path.startsWith("var/run/")) return path.slice(4);
  if (path === "var/lock" || path.startsWith("var/lock/")) return `run/${path.slice(4)}`;
  return path;
}

/** Where the links that every image has lead, by path. */
export const fixedLinks: ReadonlyMap<string, string> = new Map([
  ...[...mergedFolders].map((name): [string, string] => [name, `usr/${name}`]),
  ["var/run", "/run"],
  ["var/lock", "/run/lock"],
]);

/** Whether a symlink at `path` that leads to `target` would climb above the root. */
export function climbsOut(path: string, target: string): boolean {
  if (target.startsWith("/")) return climbs(0, target);
  return climbs(path.split("/").length - 1, target);
}

function climbs(start: number, target: string): boolean {
  let depth = start;
  for (const part of target.split("/")) {
    if (part === "" || part === ".") continue;
    depth += part === ".." ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}

export function hostile(what: string, path: string, why: string): BuildError {
  const shown = path.slice(0, 200).replace(/[^\x20-\x7e]/g, "?");
  return new BuildError("HOSTILE_PACKAGE", `${what}: "${shown}": ${why}`, {
    hint: "The package is refused whole; nothing of it was written. Pin another version, or leave it out.",
  });
}
