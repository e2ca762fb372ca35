import { folderTar, settleFolders, tarFile, type LayerEntry } from "../../core/layer/index.ts";
import { hashLayer } from "./layer-records.ts";
import type { LayerRecord } from "./convert-package.ts";
import { hexSha256, packTar, trailerMember, type Member } from "./member.ts";
import type { ConvertedPackage } from "./package-cache.ts";
import type { LayerPart } from "./read-layer-parts.ts";

const heldBytes = 67_108_864;
const largestHeld = 8_388_608;
/** Some kilobytes each. */
const heldFolders = 5000;

export interface MadeLayer {
  readonly record: LayerRecord;
  readonly parts: readonly LayerPart[];
}

/** Makes a layer of entries; the same ones are packed once, as long as they are remembered. */
export type LayerMaker = (entries: readonly LayerEntry[]) => Promise<MadeLayer>;

/** A maker of layers in memory, for what is not of packages. */
export function createLayerMaker(): LayerMaker {
  const held = new Map<string, MadeLayer>();
  let bytes = 0;
  return async (entries) => {
    const tar = Buffer.concat(entries.map(({ content, ...entry }) => tarFile(entry, content)));
    const key = hexSha256(tar);
    const known = held.get(key);
    if (known !== undefined) return known;
    const member = await packMember(tar);
    const parts = [{ member }, { member: trailerMember }];
    const made = { record: await hashLayer(inMemory(parts)), parts };
    if (member.packed > largestHeld || held.has(key)) return made;
    held.set(key, made);
    bytes += member.packed;
    for (const [
      oldest,
      {
        parts: [first],
      },
    ] of held) {
      if (bytes <= heldBytes) break;
      held.delete(oldest);
      bytes -= first?.member.packed ?? 0;
    }
    return made;
  };
}

/** The folders of packages that share a layer, packed; remembered by the packages. */
export type FolderMaker = (packages: readonly ConvertedPackage[]) => Promise<Member>;

/** A maker of such members. */
export function createFolderMaker(): FolderMaker {
  const held = new Map<string, Member>();
  return async (packages) => {
    const key = hexSha256(packages.map((each) => each.key).join("\n"));
    const known = held.get(key);
    if (known !== undefined) return known;
    const tar = folderTar(settleFolders(packages.map(({ facts }) => facts)).values());
    const made = await packMember(tar);
    held.set(key, made);
    for (const oldest of held.keys()) {
      if (held.size <= heldFolders) break;
      held.delete(oldest);
    }
    return made;
  };
}

async function packMember(tar: Buffer): Promise<Member> {
  const bytes = await packTar(tar);
  return { key: hexSha256(bytes), packed: bytes.length, unpacked: tar.length, place: { kind: "memory", bytes } };
}

async function* inMemory(parts: readonly LayerPart[]): AsyncGenerator<Buffer> {
  for (const { member } of parts) if (member.place.kind === "memory") yield member.place.bytes;
}
