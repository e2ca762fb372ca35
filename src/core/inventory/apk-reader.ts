import type { InventoryReader, OwnedFile } from "./inventory-reader.ts";
import type { InstalledPackage } from "./types.ts";
import { parseApkInstalled, type ApkPackage } from "./apk-installed.ts";
import { layerOfFiles } from "./layer-of-files.ts";
import { readText } from "./read-text.ts";
import { nameOf } from "./tree.ts";

/** Where apk keeps its database: the first until its third generation, the second where that stands in /usr. */
export const apkDatabases = ["lib/apk/db/installed", "usr/lib/apk/db/installed"] as const;

/** apk's database. A link from one of its places to the other is the same database. */
export const apkReader: InventoryReader = {
  read: (tree) => {
    const packages: InstalledPackage[] = [];
    const problems: string[] = [];
    const all: ApkPackage[] = [];
    const seen = new Set<string>();
    for (const path of apkDatabases) {
      const file = readText(tree, path);
      if (file.kind === "unreadable") problems.push(file.problem);
      if (file.kind !== "read" || seen.has(file.path)) continue;
      seen.add(file.path);
      const parsed = parseApkInstalled(file.text, `${path} (${file.layer})`);
      problems.push(...parsed.problems);
      for (const one of parsed.packages) all.push(one);
      for (const { name, version, architecture, origin, files } of parsed.packages)
        packages.push({
          type: "apk",
          name,
          version,
          architecture,
          source: origin,
          sourceVersion: version,
          layer: layerOfFiles(tree, files) ?? file.layer,
        });
    }
    if (seen.size === 0 && problems.length === 0) return undefined;
    return { packages, problems, files: (mayMatter) => filesOf(all, mayMatter) };
  },
};

function* filesOf(packages: readonly ApkPackage[], mayMatter: (name: string) => boolean): Generator<OwnedFile> {
  for (const { name: owner, files } of packages)
    for (const { path, sha1 } of files) {
      if (!mayMatter(nameOf(path))) continue;
      const hex = sha1 === undefined ? undefined : Buffer.from(sha1, "base64").toString("hex");
      yield { path, owner, ...(hex === undefined ? {} : { digest: { kind: "sha1", hex } }) };
    }
}
