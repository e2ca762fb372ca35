import { open } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { PackageFacts } from "../../core/layer/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import { digestHex, writeFileDurable } from "../../lib/index.ts";
import {
  convertPackage,
  converterVersion,
  type ConversionIndex,
  type DatabaseKind,
  type LayerRecord,
} from "./convert-package.ts";
import { hexSha256, type Member } from "./member.ts";

const pack = promisify(gzip);
const unpack = promisify(gunzip);
const magic = Buffer.from("TMPACK01");
const headerSize = 8 + 4 + 32;
const maxIndex = 268_435_456;
/** Entries of all packages whose facts are held in memory, some 250 bytes each. */
const heldEntries = 600_000;
const atATime = 2;

/** A package that is ready to be put into layers. */
export interface ConvertedPackage {
  /** Digest of the .deb, and of what was left out of it. */
  readonly key: string;
  readonly facts: PackageFacts;
  readonly members: Readonly<Record<"data" | DatabaseKind, Member>>;
  readonly layers: Readonly<Record<DatabaseKind, LayerRecord>>;
}

export interface PackageCache {
  /** The converted package: from memory, from the folder, or converted now. `without` are paths that another package took over. */
  load(record: PackageRecord, without?: readonly string[]): Promise<ConvertedPackage>;
  /** The same, where it is in memory. */
  held(record: PackageRecord): ConvertedPackage | undefined;
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
  const gate = createGate(atATime);
  let entries = 0;

  async function obtain(record: PackageRecord, key: string, without: readonly string[]): Promise<ConvertedPackage> {
    const path = join(home, key.slice(0, 2), key);
    const stored = await readStored(path, key);
    if (stored !== undefined) return stored;
    return gate(async () => {
      const { index, bytes } = await convertPackage(await fetchPackage(record), record, new Set(without));
      const start = await store(path, index, bytes);
      return assembleStored(key, path, start, index);
    });
  }

  function remember(converted: ConvertedPackage): void {
    memory.set(converted.key, converted);
    entries += converted.facts.entries.length;
    for (const [key, oldest] of memory) {
      if (entries <= heldEntries || key === converted.key) return;
      memory.delete(key);
      entries -= oldest.facts.entries.length;
    }
  }

  return {
    held: (record) => memory.get(digestHex(record.sha256)),
    load: (record, without = []) => {
      const key = keyOf(record, without);
      const known = memory.get(key);
      if (known !== undefined) return Promise.resolve(known);
      let work = underWay.get(key);
      if (work === undefined) {
        work = obtain(record, key, without)
          .then((converted) => {
            remember(converted);
            return converted;
          })
          .finally(() => underWay.delete(key));
        underWay.set(key, work);
      }
      return work;
    },
  };
}

function keyOf(record: PackageRecord, without: readonly string[]): string {
  const hex = digestHex(record.sha256);
  return without.length === 0 ? hex : `${hex}-${hexSha256([...without].sort().join("\0")).slice(0, 32)}`;
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
  const member = (kind: "data" | DatabaseKind): Member => {
    const { at, ...stored } = index.members[kind];
    return { ...stored, place: { kind: "file", path, at: start + at } };
  };
  return {
    key,
    facts: index.facts,
    members: { data: member("data"), info: member("info"), "status.d": member("status.d") },
    layers: index.layers,
  };
}

/** At most `width` at a time, the others wait in order. */
function createGate(width: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= width) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
