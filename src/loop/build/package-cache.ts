import { open } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { Alteration, PackageFacts } from "../../core/layer/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import { canonicalJson, digestHex, writeFileDurable } from "../../lib/index.ts";
import {
  convertPackage,
  converterVersion,
  type ConversionIndex,
  type DatabaseKind,
  type LayerRecord,
  type MemberKind,
} from "./convert-package.ts";
import { createGate } from "./gate.ts";
import { hexSha256, type Member } from "./member.ts";

const pack = promisify(gzip);
const unpack = promisify(gunzip);
const magic = Buffer.from("TMPACK01");
const headerSize = 8 + 4 + 32;
const maxIndex = 268_435_456;
/** Entries of all packages whose facts are held in memory, some 250 bytes each. */
const heldEntries = 600_000;
const conversionsAtATime = 2;
const downloadsAtATime = 6;

/** A package that is ready to be put into layers. */
export interface ConvertedPackage {
  /** Digest of the .deb, and of what was done to it. */
  readonly key: string;
  readonly facts: PackageFacts;
  readonly members: Readonly<Record<MemberKind, Member>>;
  readonly layers: Readonly<Record<DatabaseKind, LayerRecord>>;
}

export interface PackageCache {
  /** The converted package: from memory, from the folder, or converted now. `steps` are what gives way to other packages. */
  load(record: PackageRecord, steps?: readonly Alteration[]): Promise<ConvertedPackage>;
  /** Converts it again and replaces what memory and folder have: its bytes turned out to be damaged or gone. */
  repair(record: PackageRecord, steps?: readonly Alteration[]): Promise<ConvertedPackage>;
}

/**
 * Converted packages in `folder`: one file each, named by the .deb's digest in a folder that is named by the converter and its
 * zlib, since both decide about the bytes. A file that a crash tore is converted again.
 */
export function createPackageCache(
  folder: string,
  fetchPackage: (record: PackageRecord) => Promise<string>,
): PackageCache {
  const home = join(folder, "packages", `v${converterVersion}-zlib-${process.versions.zlib ?? "unknown"}`);
  const memory = new Map<string, ConvertedPackage>();
  const underWay = new Map<string, Promise<ConvertedPackage>>();
  const conversions = createGate(conversionsAtATime);
  const downloads = createGate(downloadsAtATime);
  let entries = 0;

  const pathOf = (key: string): string => join(home, key.slice(0, 2), key);

  async function convert(record: PackageRecord, key: string, steps: readonly Alteration[]): Promise<ConvertedPackage> {
    const file = await downloads(() => fetchPackage(record));
    return conversions(async () => {
      const { index, bytes } = await convertPackage(file, record, steps);
      const start = await store(pathOf(key), index, bytes);
      return assembleStored(key, pathOf(key), start, index);
    });
  }

  function once(key: string, obtain: () => Promise<ConvertedPackage>): Promise<ConvertedPackage> {
    let work = underWay.get(key);
    if (work === undefined) {
      work = obtain()
        .then((converted) => {
          remember(converted);
          return converted;
        })
        .finally(() => underWay.delete(key));
      underWay.set(key, work);
    }
    return work;
  }

  function remember(converted: ConvertedPackage): void {
    forget(converted.key);
    memory.set(converted.key, converted);
    entries += converted.facts.entries.length;
    for (const key of memory.keys()) {
      if (entries <= heldEntries || key === converted.key) return;
      forget(key);
    }
  }

  function forget(key: string): void {
    entries -= memory.get(key)?.facts.entries.length ?? 0;
    memory.delete(key);
  }

  return {
    load: async (record, steps = []) => {
      const key = keyOf(record, steps);
      return (
        memory.get(key) ?? once(key, async () => (await readStored(pathOf(key), key)) ?? convert(record, key, steps))
      );
    },
    repair: (record, steps = []) => {
      const key = keyOf(record, steps);
      return once(`repair ${key}`, () => convert(record, key, steps));
    },
  };
}

function keyOf(record: PackageRecord, steps: readonly Alteration[]): string {
  const hex = digestHex(record.sha256);
  return steps.length === 0 ? hex : `${hex}-${hexSha256(canonicalJson(steps)).slice(0, 32)}`;
}

async function store(path: string, index: ConversionIndex, bytes: Buffer): Promise<number> {
  const packed = await pack(JSON.stringify(index), { level: 3 });
  const header = Buffer.alloc(headerSize);
  magic.copy(header);
  header.writeUInt32LE(packed.length, 8);
  Buffer.from(hexSha256(packed), "hex").copy(header, 12);
  await writeFileDurable(path, Buffer.concat([header, packed, bytes]));
  return headerSize + packed.length;
}

/** The package in a file; undefined where there is none, or none that is whole. The bytes of its members are checked by their digest when a layer of them is used for the first time. */
async function readStored(path: string, key: string): Promise<ConvertedPackage | undefined> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const header = Buffer.alloc(headerSize);
    await file.read(header, 0, headerSize, 0);
    const length = header.readUInt32LE(8);
    if (!header.subarray(0, 8).equals(magic) || length > maxIndex) return undefined;
    const packed = Buffer.alloc(length);
    await file.read(packed, 0, length, headerSize);
    if (hexSha256(packed) !== header.toString("hex", 12, headerSize)) return undefined;
    const index = JSON.parse((await unpack(packed)).toString("utf8")) as ConversionIndex;
    const { size } = await file.stat();
    const end = Object.values(index.members).reduce((sum, member) => sum + member.packed, headerSize + length);
    return size === end ? assembleStored(key, path, headerSize + length, index) : undefined;
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

function assembleStored(key: string, path: string, start: number, index: ConversionIndex): ConvertedPackage {
  const member = (kind: MemberKind): Member => {
    const { at, ...stored } = index.members[kind];
    return { ...stored, place: { kind: "file", path, at: start + at } };
  };
  return {
    key,
    facts: index.facts,
    members: { folders: member("folders"), data: member("data"), info: member("info"), "status.d": member("status.d") },
    layers: index.layers,
  };
}
