import { CamelCasePlugin, Kysely, sql, type Transaction } from "kysely";
import type { Clock, Digest, Logger } from "../../lib/index.ts";
import { auditHash, type AuditFile } from "./audit-file.ts";
import { engineDialect } from "./dialect.ts";
import { StoreError } from "./error.ts";
import { insertNotification } from "./insert-notification.ts";
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
  /** The chain's other copy, with PGlite. */
  readonly auditFile: AuditFile | undefined;
  /**
   * Runs `work` in a transaction; it may run more than once, so it does nothing but statements. Resolves when rows and
   * audit are durable. Throws UNAVAILABLE (retry) where the connection was lost while committing: then nobody knows, and
   * the caller looks at the rows again.
   */
  write<T>(work: (write: Write) => Promise<T>): Promise<T>;
}

const auditLock = 7_436_002;
const backoffMs = [20, 100, 400, 1200];

export interface DatabaseOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** There for PGlite only. */
  readonly auditFile?: AuditFile;
  /** Audit actions that are notified as well: the row of the outbox is written with what it tells of. */
  readonly notifyOn?: readonly string[];
  /** What every row of the audit chain names as the rules that it was decided by. */
  readonly policy?: Digest;
}

/** The query side of an engine. */
export function createDatabase(engine: SqlEngine, options: DatabaseOptions): Database {
  const { clock, log, auditFile, notifyOn = [] } = options;
  const policy = options.policy === undefined ? {} : { policy: options.policy };
  const kysely = new Kysely<Tables>({
    dialect: engineDialect(engine),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  });

  // PGlite has one session and this process is the only writer: the end of the chain need not be asked for.
  let tail: ChainEnd | undefined;

  const attempt = async <T>(work: (write: Write) => Promise<T>): Promise<T> => {
    const rows: AuditRow[] = [];
    let committing = false;
    let end: ChainEnd | undefined;
    try {
      const result = await kysely.transaction().execute(async (trx) => {
        end = tail;
        const done = await work({
          sql: trx,
          audit: async (actor, action, detail) => {
            const at = clock.now();
            end ??= await loadChainEnd(trx, engine.kind);
            const row = nextRow(end, { at, actor, action, detail: { ...detail, ...policy } });
            await saveAuditRow(trx, engine.kind, row);
            rows.push(row);
            end = row;
            if (notifyOn.includes(action)) await insertNotification(trx, at, action, toldOf(action, detail));
          },
        });
        committing = true;
        return done;
      });
      if (engine.kind === "pglite") tail = end;
      if (rows.length > 0) await auditFile?.append(rows);
      return result;
    } catch (error) {
      tail = undefined;
      if (committing || !(error instanceof StoreError) || !error.retry) throw error;
      throw new Retryable(error);
    }
  };

  return {
    kind: engine.kind,
    clock,
    sql: kysely,
    auditFile,
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

/** The row that the next one hangs on. */
type ChainEnd = Pick<AuditRow, "seq" | "hash">;

async function loadChainEnd(trx: Transaction<Tables>, kind: SqlEngine["kind"]): Promise<ChainEnd> {
  if (kind === "postgres") await sql`select pg_advisory_xact_lock(${auditLock})`.execute(trx);
  const last = await trx.selectFrom("audit").select(["seq", "hash"]).orderBy("seq", "desc").limit(1).executeTakeFirst();
  return last ?? { seq: 0, hash: "" };
}

function nextRow(end: ChainEnd, entry: Pick<AuditRow, "at" | "actor" | "action" | "detail">): AuditRow {
  // What jsonb gives back is what is hashed.
  const detail = JSON.parse(json(entry.detail)) as Detail;
  const unhashed = { ...entry, detail, seq: end.seq + 1, previous: end.hash };
  return { ...unhashed, hash: auditHash(unhashed) };
}

/** Writes a row of the chain. With PostgreSQL it is also noted as the last, as the file does for PGlite: a chain that was cut short is seen by it. */
export async function saveAuditRow(trx: Transaction<Tables>, kind: SqlEngine["kind"], row: AuditRow): Promise<void> {
  await trx
    .insertInto("audit")
    .values({ ...row, at: timestamp(row.at), detail: json(row.detail) })
    .execute();
  if (kind === "pglite") return;
  const head = json({ seq: row.seq, hash: row.hash });
  await trx
    .insertInto("setting")
    .values({ key: "audit-head", value: head })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ value: head }))
    .execute();
}

/** What whoever is notified is told: of a hold also what ends it. */
function toldOf(action: string, detail: Detail): Detail {
  if (action !== "held" || detail["byPerson"] !== true) return detail;
  const whose = typeof detail["image"] === "string" ? detail["image"] : "--all";
  const where = typeof detail["environment"] === "string" ? ` --environment ${detail["environment"]}` : "";
  return { ...detail, answer: `tidemill resume ${whose}${where} --reason "..."` };
}
