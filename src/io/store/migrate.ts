import { readFile, readdir } from "node:fs/promises";
import { sha256 } from "../../lib/index.ts";
import { StoreError } from "./error.ts";
import { inTransaction, type SqlConnection, type SqlEngine } from "./sql-engine.ts";

export interface Migration {
  /** `0001-image`. */
  readonly name: string;
  readonly text: string;
}

/** Any number: processes that migrate one PostgreSQL take turns by it. */
const lockKey = 7_436_001;

/** The numbered files of `folder`, in their order. */
export async function readMigrations(folder: URL = new URL("./migrations/", import.meta.url)): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(
    names.map(async (name) => ({ name: name.slice(0, -4), text: await readFile(new URL(name, folder), "utf8") })),
  );
}

/**
 * Applies what is missing, all of it in one transaction. Throws BAD_MIGRATION when one that was applied has been edited
 * or is gone (a newer version wrote this database).
 */
export async function applyMigrations(engine: SqlEngine, migrations: readonly Migration[]): Promise<number> {
  return inTransaction(engine, "begin", (session) => applyMissing(session, migrations));
}

/** The same in a transaction that the session has open. */
export async function applyMissing(session: SqlConnection, migrations: readonly Migration[]): Promise<number> {
  await session.query("select pg_advisory_xact_lock($1)", [lockKey]);
  await session.script(
    "create table if not exists migration (name text primary key, checksum text not null, applied_at timestamptz not null default now())",
  );
  const { rows } = await session.query("select name, checksum from migration");
  const applied = new Map(rows.map((row) => [String(row.name), String(row.checksum)]));
  for (const name of applied.keys()) {
    if (!migrations.some((one) => one.name === name)) {
      throw new StoreError(
        "BAD_MIGRATION",
        `the database has the migration ${name}, which this version does not know`,
        {
          hint: "A newer version of Tidemill wrote this database. Run that version, or restore a backup from before it.",
        },
      );
    }
  }
  let count = 0;
  for (const { name, text } of migrations) {
    const checksum = sha256(text);
    const found = applied.get(name);
    if (found === checksum) continue;
    if (found !== undefined) {
      throw new StoreError("BAD_MIGRATION", `the migration ${name} was edited after it had been applied`, {
        hint: "Put the file back as it was released, and make the change in a migration of its own.",
      });
    }
    await session.script(text);
    await session.query("insert into migration (name, checksum) values ($1, $2)", [name, checksum]);
    count += 1;
  }
  return count;
}
