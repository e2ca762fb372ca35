/** What a small reader of SQLite files finds: rows as their columns, in the order of the table. */
export type SqliteValue = number | string | Uint8Array | null;

export interface SqliteTable {
  readonly rows: readonly (readonly SqliteValue[])[];
  /** Why there may be more. */
  readonly problem?: string;
}

const magic = "SQLite format 3\0";
const maxDepth = 24;
const maxRows = 200_000;
const maxColumns = 64;

/**
 * The rows of the table `name` in the SQLite database `bytes`; never throws. Every page is read at most once, so that a database whose pages lead in a circle costs no
 * more than its size. SQLite, Database File Format, 1.3, 1.5, 1.6, 2.1.
 */
export function readSqliteTable(bytes: Uint8Array, name: string): SqliteTable {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 512 || file.toString("latin1", 0, 16) !== magic) return broken("it is no SQLite database");
  const given = file.readUInt16BE(16);
  const pageSize = given === 1 ? 65_536 : given;
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) return broken("its pages have an impossible size");
  if (file.readUInt32BE(56) > 1) return broken("its text is not UTF-8");
  const usable = pageSize - (file[20] ?? 0);
  if (usable < 480) return broken("its pages have an impossible size");
  const reader = new Pages(file, pageSize, usable);
  const schema = reader.rows(1);
  const table = schema.rows.find(([type, of]) => type === "table" && of === name);
  const root = table?.[3];
  if (typeof root !== "number") return broken(schema.problem ?? `it has no table ${name}`);
  return reader.rows(root);
}

function broken(problem: string): SqliteTable {
  return { rows: [], problem };
}

class Pages {
  private readonly file: Buffer;
  private readonly pageSize: number;
  private readonly usable: number;
  private readonly seen = new Set<number>();
  private out: SqliteValue[][] = [];
  private problem: string | undefined;

  constructor(file: Buffer, pageSize: number, usable: number) {
    this.file = file;
    this.pageSize = pageSize;
    this.usable = usable;
  }

  rows(root: number): SqliteTable {
    this.out = [];
    this.problem = undefined;
    this.walk(root, 0);
    return this.problem === undefined ? { rows: this.out } : { rows: this.out, problem: this.problem };
  }

  private fail(problem: string): void {
    this.problem ??= problem;
  }

  private page(number: number): Buffer | undefined {
    const start = (number - 1) * this.pageSize;
    if (number < 1 || start + this.usable > this.file.length) {
      this.fail("it is cut off, or names pages that are not there");
      return undefined;
    }
    if (this.seen.has(number)) {
      this.fail("its pages lead in a circle");
      return undefined;
    }
    this.seen.add(number);
    return this.file.subarray(start, start + this.usable);
  }

  private walk(number: number, depth: number): void {
    if (depth > maxDepth) return this.fail("its tree is too deep");
    const page = this.page(number);
    if (page === undefined) return;
    const at = number === 1 ? 100 : 0;
    const kind = page[at];
    if (kind !== 0x05 && kind !== 0x0d) return this.fail("a page of its table is of another kind");
    const isLeaf = kind === 0x0d;
    const count = page.readUInt16BE(at + 3);
    const pointers = at + (isLeaf ? 8 : 12);
    if (pointers + count * 2 > page.length) return this.fail("a page has more cells than it can hold");
    for (let index = 0; index < count; index += 1) {
      const cell = page.readUInt16BE(pointers + index * 2);
      if (isLeaf) this.leaf(page, cell);
      else if (cell + 4 > page.length) this.fail("a cell lies outside its page");
      else this.walk(page.readUInt32BE(cell), depth + 1);
      if (this.out.length > maxRows) return this.fail(`it has more than ${maxRows} rows`);
    }
    if (!isLeaf) this.walk(page.readUInt32BE(at + 8), depth + 1);
  }

  private leaf(page: Buffer, cell: number): void {
    const payload = varint(page, cell);
    const row = payload && varint(page, payload.end);
    if (payload === undefined || row === undefined || payload.value > this.file.length)
      return this.fail("a cell lies outside its page");
    const bytes = this.payload(page, row.end, payload.value);
    const values = bytes && record(bytes);
    if (values === undefined) this.fail("a row of it is broken");
    else this.out.push(values);
  }

  /** The payload of a cell, with the pages that it overflows into. */
  private payload(page: Buffer, at: number, size: number): Buffer | undefined {
    const most = this.usable - 35;
    const least = Math.floor(((this.usable - 12) * 32) / 255) - 23;
    const wished = least + ((size - least) % (this.usable - 4));
    const local = size <= most ? size : wished <= most ? wished : least;
    if (at + local > page.length) return undefined;
    if (local === size) return page.subarray(at, at + size);
    if (at + local + 4 > page.length) return undefined;
    const parts = [page.subarray(at, at + local)];
    let left = size - local;
    for (let next = page.readUInt32BE(at + local); left > 0;) {
      const more = this.page(next);
      if (more === undefined) return undefined;
      const part = more.subarray(4, 4 + Math.min(left, this.usable - 4));
      parts.push(part);
      left -= part.length;
      next = more.readUInt32BE(0);
    }
    return Buffer.concat(parts);
  }
}

/** The columns of a record. Database File Format, 2.1. */
function record(bytes: Buffer): SqliteValue[] | undefined {
  const head = varint(bytes, 0);
  if (head === undefined || head.value > bytes.length) return undefined;
  const values: SqliteValue[] = [];
  let body = head.value;
  for (let at = head.end; at < head.value;) {
    const type = varint(bytes, at);
    if (type === undefined || values.length >= maxColumns) return undefined;
    at = type.end;
    const { value: kind } = type;
    const size = kind >= 12 ? Math.floor((kind - 12) / 2) : (fixedSizes[kind] ?? 0);
    if (body + size > bytes.length) return undefined;
    const part = bytes.subarray(body, body + size);
    body += size;
    if (kind >= 12) values.push(kind % 2 === 0 ? part : part.toString("utf8"));
    else if (kind === 0) values.push(null);
    else if (kind === 7) values.push(part.readDoubleBE(0));
    else if (kind === 8 || kind === 9) values.push(kind - 8);
    else values.push(size === 8 ? Number(part.readBigInt64BE(0)) : size === 0 ? null : part.readIntBE(0, size));
  }
  return values;
}

const fixedSizes = [0, 1, 2, 3, 4, 6, 8, 8];

function varint(bytes: Buffer, at: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 9; index += 1) {
    const byte = bytes[at + index];
    if (byte === undefined) return undefined;
    if (index === 8) return { value: value * 256 + byte, end: at + 9 };
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, end: at + index + 1 };
  }
  return undefined;
}
