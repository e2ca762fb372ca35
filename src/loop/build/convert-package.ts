import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  BuildError,
  PackageCollector,
  describePackage,
  infoMember,
  statusDMember,
  tarHeader,
  tarPadding,
  tarTrailer,
  type Alteration,
  type PackageFacts,
  type RawEntry,
} from "../../core/layer/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import { parseDebFile } from "../../io/distro/index.ts";
import { sha256, type AppError, type Digest } from "../../lib/index.ts";
import { alterEntries } from "./alter-entries.ts";
import { hexSha256, packTar, trailerMember } from "./member.ts";

/** Grows with every change of what a conversion yields. */
export const converterVersion = 4;

/** Which database files a layer carries: dpkg's own where dpkg is in the image, else those for scanners. */
export type DatabaseKind = "info" | "status.d";

/** What a layer is, once its bytes are known. */
export interface LayerRecord {
  readonly digest: Digest;
  readonly size: number;
  readonly diffId: Digest;
  readonly unpacked: number;
}

/** A member within a converted package's file. */
export interface StoredMember {
  readonly key: string;
  readonly at: number;
  readonly packed: number;
  readonly unpacked: number;
}

/** What is known of a converted package; its members follow one another in `bytes`. */
export interface ConversionIndex {
  readonly facts: PackageFacts;
  readonly members: Readonly<Record<"data" | DatabaseKind, StoredMember>>;
  /** The layers that hold this package alone. */
  readonly layers: Readonly<Record<DatabaseKind, LayerRecord>>;
}

export interface Conversion {
  readonly index: ConversionIndex;
  readonly bytes: Buffer;
}

const turnBytes = 8_388_608;

/**
 * Converts the .deb at `path`, which must be the one that `record` names, into members of layers; nothing of it is written
 * anywhere. `steps` are what has to give way to other packages of the image, one after the other. Throws HOSTILE_PACKAGE, BAD_PACKAGE, and what
 * reading a .deb throws.
 */
export async function convertPackage(
  path: string,
  record: PackageRecord,
  steps: readonly Alteration[] = [],
): Promise<Conversion> {
  const what = `${record.name} ${record.version}`;
  const file = await readFile(path);
  if (sha256(file) !== record.sha256) throw badPackage(what, "its file is not the one that the index signs");
  const deb = await parseDebFile(file, what);
  if (deb.control.get("package") !== record.name || deb.control.get("version") !== record.version)
    throw badPackage(what, "its control file names another package");
  const collected = new PackageCollector(what);
  await deb.readData(collected);
  const { entries: kept, dropped } = alterEntries(collected.entries, steps, what);
  collected.entries.length = 0;
  for (const entry of kept) collected.entries.push(entry);

  const { pieces, positions } = layOut(kept);
  const facts = describePackage(deb.control, deb.controlText, deb.members, collected, positions);
  const database = { ...facts, controlText: deb.controlText, members: deb.members, collected };
  const data = await joinPieces(pieces);
  const info = infoMember(database, dropped);
  const statusD = statusDMember(database, dropped);
  const packed = await Promise.all([packTar(data), packTar(info), packTar(statusD)]);

  const diff = createHash("sha256").update(data);
  const blob = createHash("sha256").update(packed[0]);
  const layerOf = (tar: Buffer, bytes: Buffer): LayerRecord => ({
    digest: `sha256:${blob.copy().update(bytes).update(trailerBytes).digest("hex")}`,
    size: packed[0].length + bytes.length + trailerBytes.length,
    diffId: `sha256:${diff.copy().update(tar).update(tarTrailer).digest("hex")}`,
    unpacked: data.length + tar.length + tarTrailer.length,
  });
  const starts = [0, packed[0].length, packed[0].length + packed[1].length] as const;
  const member = (index: 0 | 1 | 2, tar: Buffer): StoredMember => ({
    key: hexSha256(packed[index]),
    at: starts[index],
    packed: packed[index].length,
    unpacked: tar.length,
  });
  return {
    index: {
      facts,
      members: { data: member(0, data), info: member(1, info), "status.d": member(2, statusD) },
      layers: { info: layerOf(info, packed[1]), "status.d": layerOf(statusD, packed[2]) },
    },
    bytes: Buffer.concat(packed),
  };
}

const trailerBytes = trailerMember.place.kind === "memory" ? trailerMember.place.bytes : Buffer.alloc(0);

/** The archive in pieces, and where each entry begins. */
function layOut(entries: readonly RawEntry[]): { pieces: Buffer[]; positions: number[] } {
  const pieces: Buffer[] = [];
  const positions: number[] = [];
  let at = 0;
  for (const entry of entries) {
    positions.push(at);
    const header = tarHeader(entry);
    const padding = tarPadding(entry.size);
    pieces.push(header, ...entry.content, padding);
    at += header.length + entry.size + padding.length;
  }
  return { pieces, positions };
}

/** Like Buffer.concat, but other work gets its turn in between. */
async function joinPieces(pieces: readonly Buffer[]): Promise<Buffer> {
  const whole = Buffer.allocUnsafe(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  let turn = 0;
  for (const piece of pieces) {
    at += piece.copy(whole, at);
    turn += piece.length;
    if (turn < turnBytes) continue;
    turn = 0;
    await nextTurn();
  }
  return whole;
}

function badPackage(what: string, why: string): AppError {
  return new BuildError("BAD_PACKAGE", `${what}: ${why}`);
}
