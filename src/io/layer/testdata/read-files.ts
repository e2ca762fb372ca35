import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { mediaTypes } from "../../../core/image/index.ts";
import { emptyTree, extendTree, readInventory, type Inventory, type LayerFacts } from "../../../core/inventory/index.ts";
import { sha256 } from "../../../lib/index.ts";
import { readLayer } from "../read-layer.ts";
import { makeTar, type Member } from "./make-tar.ts";
import { memorySource } from "./memory-source.ts";

/** The facts of a layer of these members, read as every layer is. */
export async function readMembers(members: Iterable<Member>): Promise<LayerFacts> {
  const tar = makeTar(members);
  const source = memorySource();
  return readLayer(source, source.put(tar, mediaTypes.layerGzip), { diffId: sha256(tar) });
}

/** The inventory of an image of these layers, the lowest first. */
export async function inventoryOf(...layers: Iterable<Member>[]): Promise<Inventory> {
  let tree = emptyTree;
  for (const layer of layers) tree = extendTree(tree, await readMembers(layer));
  return readInventory(tree, { os: "linux", architecture: "amd64" });
}

/** What a folder holds as members of a layer, below `prefix`. Names over a hundred bytes get an extended header. */
export function membersOf(folder: string, prefix = ""): Member[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((one): Member[] => {
    const path = join(folder, one.name);
    const name = prefix === "" ? one.name : `${prefix}/${one.name}`;
    const pax = Buffer.byteLength(name) > 100 ? { pax: { path: name } } : {};
    if (one.isDirectory()) return [{ name: `${name}/`, flag: "5", ...pax }, ...membersOf(path, name)];
    if (one.isSymbolicLink()) return [{ name, flag: "2", link: readlinkSync(path), ...pax }];
    if (!one.isFile()) return [];
    return [{ name, body: readFileSync(path), mode: statSync(path).mode & 0o7777, ...pax }];
  });
}
