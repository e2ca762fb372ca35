import { rpmDatabases } from "./content/rpm.ts";
import type { InventoryReader, OwnedFile } from "./inventory-reader.ts";
import { layerOfFiles } from "./layer-of-files.ts";
import type { HeldPackage } from "./layer-facts.ts";
import { lookup, nameOf } from "./tree.ts";
import type { InstalledPackage } from "./types.ts";

/** rpm's database, which was read when its layer streamed by. A link from one of its places to the other is the same database. */
export const rpmReader: InventoryReader = {
  read: (tree) => {
    const packages: InstalledPackage[] = [];
    const problems: string[] = [];
    const all: HeldPackage[] = [];
    const seen = new Set<string>();
    for (const place of rpmDatabases) {
      const found = lookup(tree, place);
      if (found.kind === "missing" || (found.kind === "found" && seen.has(found.path))) continue;
      const layer = found.kind === "found" ? tree.layers[found.node.layer] : undefined;
      if (found.kind === "loop" || layer === undefined || found.node.entry.holds === undefined) {
        seen.add(found.path);
        problems.push(`${place}: it is no database that can be read there`);
        continue;
      }
      seen.add(found.path);
      const { holds } = found.node.entry;
      if (holds.problem !== undefined) problems.push(`${place} (${layer}): ${holds.problem}`);
      const pending = lookup(tree, `${found.path}-wal`);
      if (pending.kind === "found" && pending.node.entry.size > 0)
        problems.push(`${place} (${layer}): changes of it are still in its log, ${nameOf(place)}-wal`);
      for (const { type, name, version, files = [], ...more } of holds.packages) {
        all.push({ type, name, version, files });
        packages.push({
          type,
          name,
          version,
          architecture: more.architecture ?? "",
          source: more.source ?? name,
          sourceVersion: more.sourceVersion ?? version,
          ...(more.module === undefined ? {} : { module: more.module }),
          layer:
            layerOfFiles(
              tree,
              files.map(([path]) => ({ path })),
            ) ?? layer,
        });
      }
    }
    return seen.size === 0 ? undefined : { packages, problems, files: (mayMatter) => filesOf(all, mayMatter) };
  },
};

const digestKinds = new Map<number, "md5" | "sha1" | "sha256">([
  [32, "md5"],
  [40, "sha1"],
  [64, "sha256"],
]);

function* filesOf(packages: readonly HeldPackage[], mayMatter: (name: string) => boolean): Generator<OwnedFile> {
  for (const { name: owner, files = [] } of packages)
    for (const [path, hex] of files) {
      if (!mayMatter(nameOf(path))) continue;
      const kind = hex === undefined ? undefined : digestKinds.get(hex.length);
      yield { path, owner, ...(hex === undefined || kind === undefined ? {} : { digest: { kind, hex } }) };
    }
}
