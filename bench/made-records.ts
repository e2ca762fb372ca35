import { execFile } from "node:child_process";
import { closeSync, createWriteStream, existsSync, openSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { crc32, deflateRawSync } from "node:zlib";
import { defaultFeedLimits } from "../src/io/feeds/index.ts";
import { readZip } from "../src/io/feeds/ingest/zip.ts";

/** Real records of the ecosystems, where they are on this machine: `shared/data/osv` beside the project. */
const realFolder = fileURLToPath(new URL("../../shared/data/osv/", import.meta.url));

interface Model {
  readonly id: string;
  readonly text: string;
}

/** So many OSV records: real ones, then variants of them under other ids and package names; without real ones, made-up ones of like size. */
export function* madeRecords(count: number): Generator<Model> {
  const models = realModels();
  const all = models.length === 0 ? madeUp() : models;
  for (let at = 0; at < count; at += 1) {
    // Few are taken from everywhere.
    const place = count < all.length ? Math.floor((at * all.length) / count) : at % all.length;
    const model = all[place] as Model;
    const round = Math.floor(at / all.length);
    if (round === 0) {
      yield model;
      continue;
    }
    const id = `${model.id}-V${round}`;
    // Two of three variants are of other packages, as a larger list has them.
    const value = JSON.parse(model.text) as { id: string; affected?: { package?: { name?: string } }[] };
    value.id = id;
    if (round % 3 !== 0)
      for (const one of value.affected ?? [])
        if (one.package?.name !== undefined) one.package.name = `${one.package.name}-v${round}`;
    yield { id, text: JSON.stringify(value) };
  }
}

/** Where the records of `madeRecords` are from. */
export function recordOrigin(): "real" | "made up" {
  return existsSync(realFolder) ? "real" : "made up";
}

function realModels(): Model[] {
  if (!existsSync(realFolder)) return [];
  const models: Model[] = [];
  for (const ecosystem of readdirSync(realFolder).sort()) {
    const path = join(realFolder, ecosystem, "all.zip");
    if (!existsSync(path)) continue;
    const file = openSync(path, "r");
    for (const { name, bytes } of readZip(file, defaultFeedLimits, path))
      models.push({ id: name.replace(/\.json$/, ""), text: bytes.toString() });
    closeSync(file);
  }
  return models;
}

function madeUp(): Model[] {
  return Array.from({ length: 10_000 }, (_, at) => {
    const id = `CVE-2026-${10_000 + at}`;
    const range = { type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed: `1.${at % 90}-1` }] };
    const affected = ["11", "12", "13"].map((release) => ({
      package: { ecosystem: `Debian:${release}`, name: `part-${(at * 7) % 4000}` },
      ranges: [range],
    }));
    const details = "A flaw lets others read what they must not read. ".repeat(10);
    return { id, text: JSON.stringify({ id, modified: "2026-08-01T00:00:00Z", summary: id, details, affected }) };
  });
}

/** Writes the records as one zip archive, as a feed is published; in a process of its own, so that its memory is not in the figures. */
export async function writeRecordsZip(path: string, count: number): Promise<{ readonly bytes: number }> {
  await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url), path, String(count)]);
  return { bytes: statSync(path).size };
}

async function writeZip(path: string, count: number): Promise<void> {
  const out = createWriteStream(path);
  const directory: Buffer[] = [];
  let offset = 0;
  let members = 0;
  for (const { id, text } of madeRecords(count)) {
    const name = Buffer.from(`${id.replaceAll("/", "-")}.json`);
    const plain = Buffer.from(text);
    const packed = deflateRawSync(plain, { level: 1 });
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(20, 0);
    facts.writeUInt16LE(8, 4);
    facts.writeUInt32LE(crc32(plain), 10);
    facts.writeUInt32LE(packed.length, 14);
    facts.writeUInt32LE(plain.length, 18);
    facts.writeUInt16LE(name.length, 22);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    // A buffer of its own: small ones share a larger one, and would keep all that was written beside them.
    const entry = Buffer.alloc(46 + name.length);
    Buffer.concat([Buffer.from("PK\u0001\u0002\u0014\u0000", "latin1"), facts, rest, name]).copy(entry);
    directory.push(entry);
    if (!out.write(Buffer.concat([Buffer.from("PK\u0003\u0004", "latin1"), facts, name, packed])))
      await once(out, "drain");
    offset += 30 + name.length + packed.length;
    members += 1;
  }
  const entries = Buffer.concat(directory);
  out.write(entries);
  out.end(endOfZip(members, entries.length, offset));
  await once(out, "finish");
}

/** With zip64's records before it: there are more than 65,535 members. PKWARE APPNOTE 4.3.14. */
function endOfZip(members: number, length: number, offset: number): Buffer {
  const end64 = Buffer.alloc(56);
  end64.write("PK\u0006\u0006", 0, "latin1");
  end64.writeBigUInt64LE(44n, 4);
  end64.writeBigUInt64LE(BigInt(members), 24);
  end64.writeBigUInt64LE(BigInt(members), 32);
  end64.writeBigUInt64LE(BigInt(length), 40);
  end64.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(20);
  locator.write("PK\u0006\u0007", 0, "latin1");
  locator.writeBigUInt64LE(BigInt(offset + length), 8);
  locator.writeUInt32LE(1, 16);
  const end = Buffer.alloc(22);
  end.write("PK\u0005\u0006", 0, "latin1");
  end.writeUInt16LE(65_535, 8);
  end.writeUInt16LE(65_535, 10);
  end.writeUInt32LE(length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([end64, locator, end]);
}

if (import.meta.main) await writeZip(process.argv[2] ?? "", Number(process.argv[3]));
