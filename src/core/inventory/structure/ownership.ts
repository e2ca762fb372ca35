import { readText } from "../read-text.ts";
import { listFolder, lookup, nameOf, type Tree } from "../tree.ts";
import { createRealPath } from "../real-path.ts";

/** The files that the packages of a tree say are theirs. */
export interface Ownership {
  /** The package that ships `path` as it is: listed, and with the listed md5 where there is one. */
  shippedBy(path: string): string | undefined;
}

const infoFolder = "var/lib/dpkg/info";
const statusFolder = "var/lib/dpkg/status.d";

/** Reads `info/*.list`, `info/*.md5sums`, and in `status.d/` md5sums and `Conffiles:`; paths are taken through the tree's folder links, so that `/bin/sh` is `usr/bin/sh` on a merged /usr. dpkg(1), deb-md5sums(5). */
export function readOwnership(tree: Tree): Ownership {
  const owners = new Map<string, { name: string; md5?: string }>();
  const real = createRealPath(tree);
  for (const name of listFolder(tree, infoFolder).filter((file) => file.endsWith(".list")))
    for (const line of linesOf(tree, `${infoFolder}/${name}`))
      if (line.startsWith("/") && line.length > 2) owners.set(real(line.slice(1)), { name: name.slice(0, -5) });
  for (const folder of [infoFolder, statusFolder])
    for (const name of listFolder(tree, folder).filter((file) => file.endsWith(".md5sums")))
      for (const { path, md5 } of parseMd5Sums(linesOf(tree, `${folder}/${name}`)))
        owners.set(real(path), { name: name.slice(0, -8), md5 });
  for (const name of listFolder(tree, statusFolder).filter((file) => !file.endsWith(".md5sums")))
    for (const { path, md5 } of parseConffiles(linesOf(tree, `${statusFolder}/${name}`)))
      owners.set(real(path), { name, md5 });
  return {
    shippedBy: (path) => {
      // The database itself: scripts that only dpkg runs.
      if (path.startsWith(`${infoFolder}/`)) return nameOf(path).replace(/(?::[^.]*)?\.[a-z0-9]+$/, "");
      const owner = owners.get(path);
      if (owner?.md5 === undefined) return owner?.name;
      const found = lookup(tree, path, false);
      return found.kind === "found" && found.node.entry.md5 === owner.md5 ? owner.name : undefined;
    },
  };
}

/** Rows of an md5sums file; a line that is none is left out. deb-md5sums(5). */
export function parseMd5Sums(lines: readonly string[]): { path: string; md5: string }[] {
  return lines.flatMap((line) => {
    const match = /^([0-9a-f]{32})[ \t]+\*?(?:\.?\/)?(.+)$/.exec(line);
    return match?.[1] === undefined || match[2] === undefined ? [] : [{ md5: match[1], path: match[2] }];
  });
}

/** The rows of a stanza's `Conffiles:`: a path and its md5. dpkg-query(1). */
function parseConffiles(lines: readonly string[]): { path: string; md5: string }[] {
  const rows: { path: string; md5: string }[] = [];
  let inside = false;
  for (const line of lines) {
    if (!line.startsWith(" ")) inside = /^Conffiles:\s*$/i.test(line);
    const row = inside ? /^ \/(.+) ([0-9a-f]{32})(?: obsolete| remove-on-upgrade)*$/.exec(line) : null;
    if (row?.[1] !== undefined && row[2] !== undefined) rows.push({ path: row[1], md5: row[2] });
  }
  return rows;
}

function linesOf(tree: Tree, path: string): string[] {
  const file = readText(tree, path);
  return file.kind === "read" ? file.text.split("\n") : [];
}
