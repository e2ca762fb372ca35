import { mediaTypes } from "../../../core/image/index.ts";
import { folderTar, tarFile } from "../../../core/layer/index.ts";
import { patchLayer, type Original, type PatchPlan } from "../../../core/patch/index.ts";
import type { MemberKind } from "../convert-package.ts";
import type { LayerRecords } from "../layer-records.ts";
import { hexSha256, packTar, trailerMember, type Member } from "../member.ts";
import type { PackageCache } from "../package-cache.ts";
import type { LayerPart, PartReader } from "../read-layer-parts.ts";
import type { LaidOutLayer } from "../lay-out-image.ts";
import type { LoadedSwap } from "./load-swaps.ts";

const namesShown = 12;

/** What makes layers of members that are packed already. */
export interface LayerTools {
  readonly cache: PackageCache;
  readonly records: LayerRecords;
  readonly reader: PartReader;
}

/** The one layer of a native patch: folders as the image has them, the packages' files, the database, what goes. Its packed bytes are those of the cached packages; only what is small is packed anew. */
export async function makePatchLayer(
  { cache, records, reader }: LayerTools,
  original: Original,
  plan: Extract<PatchPlan, { kind: "native" }>,
  loaded: readonly LoadedSwap[],
): Promise<LaidOutLayer> {
  const { folders, entries } = patchLayer(original, plan);
  const part = ({ next, converted }: LoadedSwap, name: MemberKind): LayerPart => ({
    member: converted.members[name],
    restore: async () => (await cache.repair(next.swap.record, next.steps)).members[name],
  });
  const kinds: readonly MemberKind[] = original.database === "status" ? ["data", "info"] : ["data"];
  const generated = Buffer.concat(entries.map(({ content, ...entry }) => tarFile(entry, content)));
  const parts: LayerPart[] = [
    { member: await pack(folderTar(folders)) },
    ...loaded.flatMap((each) => kinds.map((kind) => part(each, kind))),
    { member: await pack(generated) },
    { member: trailerMember },
  ];
  const open = (): AsyncIterable<Buffer> => reader.read(parts);
  const record = await records.record(
    parts.map(({ member }) => member.key),
    open,
  );
  const names = loaded.map(({ next: { swap } }) => `${swap.name} ${swap.to}`);
  const more = names.length - namesShown;
  return {
    descriptor: { mediaType: mediaTypes.layerGzip, digest: record.digest, size: record.size },
    diffId: record.diffId,
    history: `tidemill: patched ${names.slice(0, namesShown).join(", ")}${more > 0 ? `, and ${more} more` : ""}`,
    packages: loaded.map(({ next }) => next.swap.name),
    open,
  };
}

async function pack(tar: Buffer): Promise<Member> {
  const bytes = await packTar(tar);
  return { key: hexSha256(bytes), packed: bytes.length, unpacked: tar.length, place: { kind: "memory", bytes } };
}
