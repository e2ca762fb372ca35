import type { InventoryReader } from "./inventory-reader.ts";
import type { InstalledPackage } from "./types.ts";
import type { Digest } from "../../lib/index.ts";
import type { Tree } from "./tree.ts";
import { lookup } from "./tree.ts";
import { dpkgFiles } from "./dpkg-files.ts";
import { parseDpkgStatus } from "./dpkg-stanza.ts";
import { readText } from "./read-text.ts";

const statusPath = "var/lib/dpkg/status";
const infoPath = "var/lib/dpkg/info";

/** dpkg's own database: `status`, with `info/*.list` saying which layer brought a package, and which packages status should know. */
export const dpkgStatusReader: InventoryReader = {
  read: (tree) => {
    const file = readText(tree, statusPath);
    if (file.kind === "missing") return undefined;
    if (file.kind === "unreadable") return { packages: [], problems: [file.problem], files: () => [] };
    const { entries, problems } = parseDpkgStatus(file.text, `${statusPath} (${file.layer})`);
    const lists = findLists(tree);
    const packages: InstalledPackage[] = [];
    for (const { present, ...entry } of entries) {
      const layer = lists.get(`${entry.name}:${entry.architecture}`) ?? lists.get(entry.name) ?? file.layer;
      if (present) packages.push({ type: "deb", ...entry, layer });
    }
    const known = new Set(entries.flatMap(({ name, architecture }) => [name, `${name}:${architecture}`]));
    const unlisted = [...lists.keys()].filter((name) => !known.has(name)).sort();
    const installed = new Set(packages.flatMap(({ name, architecture }) => [name, `${name}:${architecture}`]));
    const ofInstalled = [...lists.keys()]
      .filter((name) => installed.has(name))
      .map((name) => ({
        owner: name.split(":")[0] ?? name,
        list: `${infoPath}/${name}.list`,
        sums: `${infoPath}/${name}.md5sums`,
      }));
    return {
      packages,
      problems: [
        ...problems,
        ...unlisted.map((name) => `${infoPath}/${name}.list: ${statusPath} does not know ${name}`),
      ],
      files: (mayMatter) => dpkgFiles(tree, ofInstalled, mayMatter),
    };
  },
};

/** Layer by package name, with `:architecture` where the list's name has it. */
function findLists(tree: Tree): Map<string, Digest> {
  const lists = new Map<string, Digest>();
  const info = lookup(tree, infoPath);
  if (info.kind !== "found" || info.node.children === undefined) return lists;
  for (const [name, node] of info.node.children) {
    const layer = tree.layers[node.layer];
    if (name.endsWith(".list") && layer !== undefined) lists.set(name.slice(0, -".list".length), layer);
  }
  return lists;
}
