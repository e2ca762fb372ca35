import type { InventoryReader } from "./inventory-reader.ts";
import type { InstalledPackage } from "./types.ts";
import { dpkgFiles } from "./dpkg-files.ts";
import { listFolder } from "./tree.ts";
import { parseDpkgStatus } from "./dpkg-stanza.ts";
import { readText } from "./read-text.ts";

const folder = "var/lib/dpkg/status.d";

/** One file a package, for images that hold no dpkg: what assembled and distroless images carry. `*.md5sums` beside them are not entries. */
export const dpkgStatusDReader: InventoryReader = {
  read: (tree) => {
    const names = listFolder(tree, folder).filter((name) => !name.endsWith(".md5sums"));
    if (names.length === 0) return undefined;
    const packages: InstalledPackage[] = [];
    const problems: string[] = [];
    const lists: { owner: string; list: undefined; sums: string }[] = [];
    for (const name of names) {
      const path = `${folder}/${name}`;
      const file = readText(tree, path);
      if (file.kind === "unreadable") problems.push(file.problem);
      if (file.kind !== "read") continue;
      const parsed = parseDpkgStatus(file.text, `${path} (${file.layer})`);
      problems.push(...parsed.problems);
      if (parsed.entries.length === 0 && parsed.problems.length === 0) problems.push(`${path}: names no package`);
      for (const { present, ...entry } of parsed.entries) {
        if (!present) continue;
        packages.push({ type: "deb", ...entry, layer: file.layer });
        lists.push({ owner: entry.name, list: undefined, sums: `${path}.md5sums` });
      }
    }
    return { packages, problems, files: (mayMatter) => dpkgFiles(tree, lists, mayMatter) };
  },
};
