import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  BuildError,
  PackageCollector,
  describePackage,
  folderTar,
  infoMember,
  settleFolders,
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
export const converterVersion = 6;

/** The members of a package's file in their order: its folders, which a layer of several packages has once for all, and its other entries, and what dpkg keeps of it. */
export const memberKinds = ["folders", "data", "info", "status.d"] as const;
export type MemberKind = (typeof memberKinds)[number];

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
  readonly members: Readonly<Record<MemberKind, StoredMember>>;
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

  const facts = describePackage(deb.control, deb.controlText, deb.members, collected);
  const database = { ...facts, controlText: deb.controlText, members: deb.members, collected };
  const data = await layOut(kept.filter(({ kind }) => kind !== "directory"));
  const tars = {
    folders: folderTar(settleFolders([facts]).values()),
    data,
    info: infoMember(database, dropped),
    "status.d": statusDMember(database, dropped),
  };
  const packed = { folders: empty, data: empty, info: empty, "status.d": empty };
  await Promise.all(memberKinds.map(async (kind) => (packed[kind] = await packTar(tars[kind]))));

  const diff = createHash("sha256").update(tars.folders).update(data);
  const blob = createHash("sha256").update(packed.folders).update(packed.data);
  const layerOf = (kind: DatabaseKind): LayerRecord => {
    const all = ["folders", "data", kind] as const;
    return {
      digest: `sha256:${blob.copy().update(packed[kind]).update(trailerBytes).digest("hex")}`,
      size: all.reduce((sum, each) => sum + packed[each].length, trailerBytes.length),
      diffId: `sha256:${diff.copy().update(tars[kind]).update(tarTrailer).digest("hex")}`,
      unpacked: all.reduce((sum, each) => sum + tars[each].length, tarTrailer.length),
    };
  };
  let at = 0;
  const member = (kind: MemberKind): StoredMember => {
    const { length } = packed[kind];
    at += length;
    return { key: hexSha256(packed[kind]), at: at - length, packed: length, unpacked: tars[kind].length };
  };
  return {
    index: {
      facts,
      members: {
        folders: member("folders"),
        data: member("data"),
        info: member("info"),
        "status.d": member("status.d"),
      },
      layers: { info: layerOf("info"), "status.d": layerOf("status.d") },
    },
    bytes: Buffer.concat(memberKinds.map((kind) => packed[kind])),
  };
}

const empty: Buffer = Buffer.alloc(0);
const trailerBytes = trailerMember.place.kind === "memory" ? trailerMember.place.bytes : Buffer.alloc(0);

function layOut(entries: readonly RawEntry[]): Promise<Buffer> {
  return joinPieces(entries.flatMap((entry) => [tarHeader(entry), ...entry.content, tarPadding(entry.size)]));
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
