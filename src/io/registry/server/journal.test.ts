import { appendFile, readdir, readFile, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256 } from "../../../lib/index.ts";
import { makeFolder } from "../testdata/make-image.ts";
import { openJournal, readJournal, type Journal } from "./journal.ts";
import type { JournalRecord } from "./state.ts";

let folder: Awaited<ReturnType<typeof makeFolder>>;
let path: string;
let failures: number;
const journals: Journal[] = [];

beforeEach(async () => {
  folder = await makeFolder();
  path = folder.path("journal");
  failures = 0;
});
afterEach(async () => {
  for (const journal of journals.splice(0)) await journal.close();
  await folder.remove();
});

function open(): Journal {
  const journal = openJournal(path, readJournal(path, () => undefined).bytes, () => failures++);
  journals.push(journal);
  return journal;
}

const record = (n: number): JournalRecord => ({ k: "blob", r: "app", d: sha256(String(n)), s: n });
const all = (): JournalRecord[] => {
  const found: JournalRecord[] = [];
  readJournal(path, (each) => found.push(each));
  return found;
};

describe("the journal", () => {
  it("keeps the order of records that were written at the same time", async () => {
    const journal = open();
    const records = Array.from({ length: 200 }, (_, n) => record(n));
    await Promise.all(records.map((each, n) => (n % 7 === 0 ? journal.sync(each) : journal.write(each))));
    expect(all()).toEqual(records);
  });

  it("is replaced by a snapshot, and goes on in the new file", async () => {
    const journal = open();
    for (let n = 0; n < 50; n++) await journal.write(record(n));
    const before = journal.size();
    await Promise.all([journal.rewrite(() => [record(1000), record(7)]), journal.write(record(7))]);
    expect(journal.size()).toBeLessThan(before);
    await journal.sync(record(8));
    expect(all()).toEqual([record(1000), record(7), record(8)]);
    expect(await readdir(folder.path())).toEqual(["journal"]);
  });

  it("goes on as it is where it cannot be replaced, and fails nobody but who asked for that", async () => {
    const journal = open();
    await journal.write(record(1));
    const outcomes = await Promise.allSettled([
      journal.write(record(2)),
      journal.rewrite(function* () {
        yield record(3);
        throw new Error("the disk is full");
      }),
      journal.sync(record(4)),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    await journal.sync(record(5));
    expect(all()).toEqual([record(1), record(2), record(4), record(5)]);
    expect([failures, await readdir(folder.path())]).toEqual([0, ["journal"]]);
  });
});

describe("FAULTS 25: a journal that a power cut tore", () => {
  const written = [1, 2, 3].map(record);
  let whole: Buffer;
  beforeEach(async () => {
    await open().sync(...written);
    whole = await readFile(path);
  });

  it("anywhere: what stands before it is read, and the next record follows it", async () => {
    const line = whole.indexOf("\n") + 1;
    for (const size of [0, 1, 8, 9, 10, line - 1, line, line + 1, 2 * line - 2, 2 * line + 50, whole.byteLength - 1]) {
      await writeFile(path, whole.subarray(0, size));
      const lines = whole.subarray(0, size).toString().split("\n").length - 1;
      expect(readJournal(path, () => undefined)).toMatchObject({ records: lines, damaged: 0 });
      const journal = openJournal(path, readJournal(path, () => undefined).bytes, () => undefined);
      await journal.write(record(9));
      await journal.close();
      expect(all()).toEqual([...written.slice(0, lines), record(9)]);
    }
  });

  it("with a bit turned: no other record is believed, and the damage is counted", async () => {
    for (let at = 0; at < whole.byteLength; at += 3) {
      const turned = Buffer.from(whole);
      turned[at] = (turned[at] ?? 0) ^ (1 << (at % 8));
      await writeFile(path, turned);
      const found: JournalRecord[] = [];
      const { damaged } = readJournal(path, (each) => found.push(each));
      expect(written).toEqual(expect.arrayContaining(found));
      // The blank between checksum and record says nothing; without its newline the last line is a torn one.
      const harmless = whole[at] === 0x20 && found.length === 3;
      if (!harmless && at < whole.byteLength - 1) expect(damaged, `byte ${at}`).toBeGreaterThan(0);
    }
  });

  it("with zeros where its last block was: they are left out", async () => {
    await appendFile(path, Buffer.alloc(4096));
    expect(all()).toEqual(written);
    await open().sync(record(9));
    expect(all()).toEqual([...written, record(9)]);
  });
});
