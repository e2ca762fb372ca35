import { tarFile, type LayerEntry } from "../../core/layer/index.ts";
import { hashLayer } from "./layer-records.ts";
import type { LayerRecord } from "./convert-package.ts";
import { hexSha256, packTar, trailerMember, type Member } from "./member.ts";
import type { LayerPart } from "./read-layer-parts.ts";

const heldBytes = 67_108_864;
const largestHeld = 8_388_608;

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
    const packed = await packTar(tar);
    const member: Member = {
      key: hexSha256(packed),
      packed: packed.length,
      unpacked: tar.length,
      place: { kind: "memory", bytes: packed },
    };
    const parts = [{ member }, { member: trailerMember }];
    const made = { record: await hashLayer(inMemory(parts)), parts };
    if (packed.length > largestHeld || held.has(key)) return made;
    held.set(key, made);
    bytes += packed.length;
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

async function* inMemory(parts: readonly LayerPart[]): AsyncGenerator<Buffer> {
  for (const { member } of parts) if (member.place.kind === "memory") yield member.place.bytes;
}
