import { createHash, randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Instant } from "../../../lib/index.ts";
import { FeedError } from "../error.ts";

/** What is known of one CVE: two numbers, the second of which may be missing. */
export interface Signal {
  readonly cve: string;
  readonly first: number;
  readonly second: number | undefined;
}

const magic = Buffer.from("TMSIG001", "latin1");
const rowBytes = 24;
const sumBytes = 32;

/** The name of a table's file in its folder, by its content. */
export function signalFile(content: string): string {
  return `${content}.sig`;
}

/** Writes a table of `signals` to `folder`, whole or not at all; gives its name. Blocks its thread. */
export function writeSignals(
  folder: string,
  signals: readonly Signal[],
): { readonly content: string; readonly rows: number } {
  const rows = signals
    .flatMap(({ cve, first, second }) => {
      const key = keyOf(cve);
      return key === undefined ? [] : [{ key, first, second: second ?? Number.NaN }];
    })
    .sort((a, b) => a.key - b.key);
  const body = Buffer.alloc(rows.length * rowBytes);
  for (const [at, { key, first, second }] of rows.entries()) {
    body.writeDoubleLE(key, at * rowBytes);
    body.writeDoubleLE(first, at * rowBytes + 8);
    body.writeDoubleLE(second, at * rowBytes + 16);
  }
  const sum = createHash("sha256").update(magic).update(body).digest();
  const content = sum.toString("hex");
  const aside = join(folder, `${randomUUID()}.part`);
  const file = openSync(aside, "wx");
  try {
    const bytes = Buffer.concat([magic, body, sum]);
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    fsyncSync(file);
    renameSync(aside, join(folder, signalFile(content)));
  } finally {
    closeSync(file);
    rmSync(aside, { force: true });
  }
  return { content, rows: rows.length };
}

/** A sorted table of what is known of CVEs. */
export class SignalTable {
  readonly content: string;
  private readonly body: Buffer;
  private readonly rows: number;

  /** Reads the table at `path`. Throws FEED_TORN for one that is cut off, damaged or foreign. */
  constructor(path: string) {
    let bytes: Buffer;
    try {
      bytes = readFileSync(path);
    } catch (error) {
      throw new FeedError("FEED_TORN", `what was kept at ${path} is not there`, { cause: error });
    }
    const end = bytes.length - sumBytes;
    const sum = createHash("sha256")
      .update(bytes.subarray(0, Math.max(0, end)))
      .digest();
    const isWhole = end >= magic.length && (end - magic.length) % rowBytes === 0 && sum.equals(bytes.subarray(end));
    if (!isWhole || !bytes.subarray(0, magic.length).equals(magic))
      throw new FeedError("FEED_TORN", `what was kept at ${path} is damaged`);
    this.content = sum.toString("hex");
    this.body = bytes.subarray(magic.length, end);
    this.rows = this.body.length / rowBytes;
  }

  find(cve: string): { readonly first: number; readonly second: Instant | undefined } | undefined {
    const key = keyOf(cve);
    if (key === undefined) return undefined;
    let low = 0;
    let high = this.rows;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.body.readDoubleLE(middle * rowBytes) < key) low = middle + 1;
      else high = middle;
    }
    if (low >= this.rows || this.body.readDoubleLE(low * rowBytes) !== key) return undefined;
    const second = this.body.readDoubleLE(low * rowBytes + 16);
    return { first: this.body.readDoubleLE(low * rowBytes + 8), second: Number.isNaN(second) ? undefined : second };
  }
}

/** A CVE as one exact number; undefined for what is none, or has more digits than any that was ever given. */
function keyOf(cve: string): number | undefined {
  const [, year, number] = /^CVE-(\d{4})-(\d{4,11})$/.exec(cve) ?? [];
  return year === undefined || number === undefined ? undefined : Number(year) * 1e11 + Number(number);
}
