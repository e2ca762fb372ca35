import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createGunzip, createGzip } from "node:zlib";
import { z } from "zod";
import { sha256, writeFileDurable, type Digest, type Instant } from "../../lib/index.ts";
import { StoreError } from "./error.ts";
import { inTransaction, type SqlConnection, type SqlEngine } from "./sql-engine.ts";

/** Every table, in an order in which they can be filled, with what their rows are put in order by. */
const tables = [
  ["image", "name"],
  ["upstream", "name"],
  ["observation", "id"],
  ["package_seen", "upstream, name, architecture, version"],
  ["package_record", "name, architecture, version, sha256"],
  ["inventory", "key"],
  ["package_system", "id"],
  ["package", "id"],
  ["package_key", "name, ecosystem, package"],
  ["inventory_package", "inventory"],
  ["finding", "package, advisory, first_seen"],
  ["image_digest", "image, digest"],
  ["image_remedy", "image"],
  ["plan", "id"],
  ["rebuild", "id"],
  ["cause", "rebuild, key"],
  ["build_log", "rebuild"],
  ["rebuild_step", "rebuild, key"],
  ["external_run", "id"],
  ["verification", "id"],
  ["check_log", "verification, name"],
  ["question", "key"],
  ["promotion", "id"],
  ["pointer", "image, environment"],
  ["deployment", "id"],
  ["deployed", "name, image"],
  ["bump", "key"],
  ["soak", "image, environment"],
  ["hold", "id"],
  ["approval", "image, environment, digest, who"],
  ["quarantine", "image, digest"],
  ["evidence", "image, digest, subject, predicate, scope, key"],
  ["vex_statement", "id"],
  ["exposure", "image, environment, advisory, life"],
  ["exposure_rebuild", "rebuild"],
  ["exposure_day", "day, environment, labels"],
  ["base_vex", "base, digest"],
  ["audit", "seq"],
  ["alarm", "key"],
  ["notification", "id"],
  ["account_allocation", "name"],
  ["token", "id"],
  ["session", "id"],
  ["idempotency", "caller, key"],
  ["setting", "key"],
  ["event", "id"],
  ["forge_report", "key"],
] as const;
/** What is made anew where the others are filled: the notes of what is to be derived again. */
const madeAnew = ["exposure_due"];
const pageRows = 500;
/** Bytes. A page of 500 inventories is the largest line that we write. */
const lineLimit = 256 * 1024 * 1024;

const headLine = z.object({
  tidemill: z.literal("backup"),
  version: z.number(),
  at: z.number(),
  migrations: z.array(z.string()),
});
const pageLine = z.object({ table: z.enum(tables.map(([name]) => name)), rows: z.array(z.looseObject({})) });
const endLine = z.object({ end: z.literal(true), rows: z.number(), sha256: z.string() });

export interface Backup {
  readonly path: string;
  readonly at: Instant;
  readonly bytes: number;
  readonly sha256: Digest;
  readonly rows: number;
}

/**
 * Writes every table as it stands at one moment to `path`: JSON lines, gzip, with a checksum at the end. The same file restores into PGlite and PostgreSQL.
 * The rows are read in one transaction and compressed in memory; the file is written after it.
 */
export async function backupEngine(engine: SqlEngine, path: string, at: Instant): Promise<Backup> {
  const gzip = createGzip({ level: 6 });
  const chunks: Buffer[] = [];
  gzip.on("data", (chunk: Buffer) => chunks.push(chunk));
  const finished = new Promise<void>((resolve, reject) => gzip.on("end", resolve).on("error", reject));
  const hash = createHash("sha256");
  const put = async (value: unknown): Promise<void> => {
    const line = `${JSON.stringify(value)}\n`;
    hash.update(line);
    if (!gzip.write(line)) await new Promise((resolve) => gzip.once("drain", resolve));
  };
  const rows = await inTransaction(engine, "begin isolation level repeatable read read only", async (session) => {
    const { rows: applied } = await session.query("select name from migration order by name");
    await put({ tidemill: "backup", version: 1, at, migrations: applied.map((row) => String(row.name)) });
    let count = 0;
    for (const [table, order] of tables) count += await putTable(session, table, order, put);
    return count;
  });
  gzip.end(`${JSON.stringify({ end: true, rows, sha256: hash.digest("hex") })}\n`);
  await finished;
  const bytes = Buffer.concat(chunks);
  await writeFileDurable(path, bytes, 0o600);
  return { path, at, bytes: bytes.length, sha256: sha256(bytes), rows };
}

async function putTable(
  session: SqlConnection,
  table: string,
  order: string,
  put: (value: unknown) => Promise<void>,
): Promise<number> {
  // A cursor reads the table once, however large; every name here is from the list above.
  await session.query(`declare page no scroll cursor for select to_jsonb(t) as row from ${table} t order by ${order}`);
  let count = 0;
  for (;;) {
    const { rows } = await session.query(`fetch ${pageRows} from page`);
    if (rows.length === 0) break;
    await put({ table, rows: rows.map(({ row }) => row) });
    count += rows.length;
  }
  await session.query("close page");
  return count;
}

/** What a backup says of itself, after all of it was read and its checksum compared. Throws BAD_BACKUP. */
export async function readBackupHead(
  path: string,
): Promise<{ at: Instant; migrations: readonly string[]; rows: number }> {
  let head: z.output<typeof headLine> | undefined;
  let end: z.output<typeof endLine> | undefined;
  let rows = 0;
  const hash = createHash("sha256");
  for await (const { line, value } of readLines(path)) {
    if (end !== undefined) throw damaged(path, "there is more after its end");
    if (head === undefined) {
      head = headLine.safeParse(value).data;
      if (head === undefined) throw damaged(path, "it does not begin as a backup of Tidemill does");
      if (head.version !== 1) throw damaged(path, `its version is ${head.version}, and this program reads version 1`);
      hash.update(line);
      continue;
    }
    end = endLine.safeParse(value).data;
    if (end !== undefined) continue;
    const page = pageLine.safeParse(value);
    if (!page.success) throw damaged(path, "a line is not one of ours");
    rows += page.data.rows.length;
    hash.update(line);
  }
  if (head === undefined || end === undefined) throw damaged(path, "it is cut off");
  if (end.sha256 !== hash.digest("hex") || end.rows !== rows) throw damaged(path, "its checksum does not match");
  return { at: head.at, migrations: head.migrations, rows };
}

/** Fills empty tables from a backup that readBackupHead has found whole, in the session's transaction. */
export async function fillTables(session: SqlConnection, path: string): Promise<void> {
  for await (const { value } of readLines(path)) {
    const page = pageLine.safeParse(value).data;
    if (page === undefined) continue;
    await session.query(
      `insert into ${page.table} select * from jsonb_populate_recordset(null::${page.table}, $1::jsonb)`,
      [JSON.stringify(page.rows)],
    );
  }
}

/** Removes our tables, and what the queue keeps: it is made anew. */
export async function dropTables(session: SqlConnection): Promise<void> {
  const names = [...tables.map(([name]) => name), ...madeAnew, "migration"].toReversed();
  await session.script(`drop table if exists ${names.join(", ")} cascade; drop schema if exists pgboss cascade;`);
}

async function* readLines(path: string): AsyncGenerator<{ line: string; value: unknown }> {
  await stat(path).catch((error: unknown) => {
    throw new StoreError("BAD_BACKUP", `${path} cannot be read`, { cause: error });
  });
  const source = createReadStream(path);
  const plain = source.pipe(createGunzip());
  source.on("error", (error) => plain.destroy(error));
  let rest: Buffer[] = [];
  let held = 0;
  try {
    for await (const chunk of plain as AsyncIterable<Buffer>) {
      let begin = 0;
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, begin)) {
        const line = Buffer.concat([...rest, chunk.subarray(begin, end + 1)]).toString("utf8");
        rest = [];
        held = 0;
        begin = end + 1;
        yield { line, value: JSON.parse(line) as unknown };
      }
      rest.push(chunk.subarray(begin));
      held += chunk.length - begin;
      if (held > lineLimit) throw damaged(path, `a line is longer than ${lineLimit} bytes`);
    }
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw damaged(path, "it is cut off or not gzip", error);
  } finally {
    source.destroy();
  }
  if (held > 0) throw damaged(path, "it is cut off");
}

function damaged(path: string, why: string, cause?: unknown): StoreError {
  return new StoreError("BAD_BACKUP", `${path} cannot be restored: ${why}`, {
    hint: "Take another backup or snapshot.",
    ...(cause === undefined ? {} : { cause }),
  });
}
