import { CamelCasePlugin, Kysely, sql, type Transaction } from "kysely";
import type { Clock, Logger } from "../../lib/index.ts";
import { auditHash, type AuditFile } from "./audit-file.ts";
import { engineDialect } from "./dialect.ts";
import { StoreError } from "./error.ts";
import { json, timestamp, type AuditRow, type Detail, type Tables } from "./schema.ts";
import type { SqlEngine } from "./sql-engine.ts";

/** A transaction in which rows are written, and what happened is put down. */
export interface Write {
  readonly sql: Transaction<Tables>;
  /** Appends to the audit chain: durable when the transaction is, and then in the file before anybody acts on it. */
  readonly audit: (actor: string, action: string, detail: Detail) => Promise<void>;
}

/** What the query files share. */
export interface Database {
  readonly kind: SqlEngine["kind"];
  readonly clock: Clock;
  /** For reading, and for single statements that need no audit. */
  readonly sql: Kysely<Tables>;
  /**
   * Runs `work` in a transaction; it may run more than once, so it does nothing but statements. Resolves when rows and
   * audit are durable. Throws UNAVAILABLE (retry) where the connection was lost while committing: then nobody knows, and
   * the caller looks at the rows again.
   */
  write<T>(work: (write: Write) => Promise<T>): Promise<T>;
}

const auditLock = 7_436_002;
const backoffMs = [20, 100, 400, 1200];

/** The query side of an engine; `auditFile` is there for PGlite only. */
export function createDatabase(
  engine: SqlEngine,
  clock: Clock,
  log: Logger,
  auditFile: AuditFile | undefined,
): Database {
  const kysely = new Kysely<Tables>({
    dialect: engineDialect(engine),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  });

  const attempt = async <T>(work: (write: Write) => Promise<T>): Promise<T> => {
    const rows: AuditRow[] = [];
    let committing = false;
    try {
      const result = await kysely.transaction().execute(async (trx) => {
        const done = await work({
          sql: trx,
          audit: async (actor, action, detail) => {
            rows.push(await appendAudit(trx, engine.kind, { at: clock.now(), actor, action, detail }));
          },
        });
        committing = true;
        return done;
      });
      if (rows.length > 0) await auditFile?.append(rows);
      return result;
    } catch (error) {
      if (committing || !(error instanceof StoreError) || !error.retry) throw error;
      throw new Retryable(error);
    }
  };

  return {
    kind: engine.kind,
    clock,
    sql: kysely,
    write: async (work) => {
      for (let count = 0; ; count += 1) {
        try {
          return await attempt(work);
        } catch (error) {
          if (!(error instanceof Retryable)) throw error;
          const pause = backoffMs[count];
          if (pause === undefined || error.reason.code === "TIMEOUT") throw error.reason;
          log.warn({ err: error.reason }, "a transaction is run again");
          await new Promise((resolve) => setTimeout(resolve, pause));
        }
      }
    },
  };
}

/** A failure before the commit was sent: nothing happened, the same may be done again. */
class Retryable extends Error {
  readonly reason: StoreError;
  constructor(reason: StoreError) {
    super(reason.message);
    this.reason = reason;
  }
}

async function appendAudit(
  trx: Transaction<Tables>,
  kind: SqlEngine["kind"],
  entry: { at: number; actor: string; action: string; detail: Detail },
): Promise<AuditRow> {
  // PGlite has one session, so its writers take turns already.
  if (kind === "postgres") await sql`select pg_advisory_xact_lock(${auditLock})`.execute(trx);
  const last = await trx.selectFrom("audit").select(["seq", "hash"]).orderBy("seq", "desc").limit(1).executeTakeFirst();
  // What jsonb gives back is what is hashed.
  const detail = JSON.parse(json(entry.detail)) as Detail;
  const unhashed = { ...entry, detail, seq: (last?.seq ?? 0) + 1, previous: last?.hash ?? "" };
  const row: AuditRow = { ...unhashed, hash: auditHash(unhashed) };
  await saveAuditRow(trx, row);
  return row;
}

/** Writes a row of the chain, and notes it as the last: a chain that was cut short is seen by it. */
export async function saveAuditRow(trx: Transaction<Tables>, row: AuditRow): Promise<void> {
  await trx
    .insertInto("audit")
    .values({ ...row, at: timestamp(row.at), detail: json(row.detail) })
    .execute();
  const head = json({ seq: row.seq, hash: row.hash });
  await trx
    .insertInto("setting")
    .values({ key: "audit-head", value: head })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ value: head }))
    .execute();
}
