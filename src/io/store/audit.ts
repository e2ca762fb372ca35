import { sql as fragment } from "kysely";
import type { EnvironmentName, ImageName } from "../../core/plan/index.ts";
import type { Digest } from "../../lib/index.ts";
import { auditHash, readAuditFile, type AuditFile } from "./audit-file.ts";
import type { Database } from "./database.ts";
import type { AuditRow, Detail } from "./schema.ts";

export interface AuditFilter {
  readonly image?: ImageName;
  readonly environment?: EnvironmentName;
  readonly actions?: readonly string[];
  /** Only rows before this one. */
  readonly before?: number;
  readonly limit?: number;
}

/** What a look at the whole chain found. `seq` is the first row that does not fit. */
export type AuditVerdict =
  | { readonly kind: "intact"; readonly rows: number; readonly hash: string }
  | { readonly kind: "broken"; readonly seq: number; readonly reason: string };

export function auditQueries(db: Database) {
  return {
    /** Puts down something that happened and has no rows of its own. */
    saveAudit: (actor: string, action: string, detail: Detail): Promise<void> =>
      db.write(({ audit }) => audit(actor, action, detail)),

    /** What happened, newest first. */
    loadAudit: (filter: AuditFilter = {}): Promise<AuditRow[]> => {
      const { image, environment, actions, before, limit = 50 } = filter;
      let query = db.sql.selectFrom("audit").selectAll().orderBy("seq", "desc").limit(limit);
      if (image !== undefined) query = query.where(fragment<boolean>`detail ->> 'image' = ${image}`);
      if (environment !== undefined) query = query.where(fragment<boolean>`detail ->> 'environment' = ${environment}`);
      if (actions !== undefined) query = query.where("action", "in", actions);
      if (before !== undefined) query = query.where("seq", "<", before);
      return query.execute();
    },

    /** Rows after one, the oldest first. */
    loadAuditAfter: (seq: number, limit: number): Promise<AuditRow[]> =>
      db.sql.selectFrom("audit").selectAll().where("seq", ">", seq).orderBy("seq").limit(limit).execute(),

    /** What is done and said of a digest, the oldest first, at most ten thousand rows. */
    loadAuditOf: (image: ImageName, digest: Digest): Promise<AuditRow[]> =>
      db.sql
        .selectFrom("audit")
        .selectAll()
        .where(fragment<boolean>`detail ->> 'image' = ${image}`)
        .where(fragment<boolean>`(detail ->> 'digest' = ${digest} or detail -> 'row' ->> 'candidate' = ${digest})`)
        .orderBy("seq")
        .limit(10_000)
        .execute(),

    /** The hashes of these rows, by their numbers; a row that is not there is left out. */
    loadAuditHashes: async (seqs: readonly number[]): Promise<Map<number, string>> => {
      const whole = seqs.filter((seq) => Number.isSafeInteger(seq));
      const rows = await db.sql
        .selectFrom("audit")
        .select(["seq", "hash"])
        .where((row) => row("seq", "=", row.fn.any(fragment<number[]>`${whole}::bigint[]`)))
        .execute();
      return new Map(rows.map(({ seq, hash }) => [seq, hash]));
    },

    /** Follows the chain from its first row to its last and names the first that does not fit. */
    verifyAudit: async (): Promise<AuditVerdict> => {
      const head = await loadHead(db);
      const hashes: string[] = [];
      let last: Pick<AuditRow, "seq" | "hash"> = { seq: 0, hash: "" };
      for (;;) {
        const rows = await loadAfter(db, last.seq);
        for (const row of rows) {
          const reason = misfit(row, last);
          if (reason !== undefined) return { kind: "broken", seq: last.seq + 1, reason };
          if (row.seq === head?.seq && row.hash !== head.hash) {
            return { kind: "broken", seq: row.seq, reason: `row ${row.seq} is not the one that was noted as the last` };
          }
          hashes.push(row.hash);
          last = row;
        }
        if (rows.length === 0) break;
      }
      if (head !== undefined && last.seq < head.seq) {
        return { kind: "broken", seq: last.seq + 1, reason: `cut off after row ${last.seq}: the last was ${head.seq}` };
      }
      const differs = db.auditFile && (await compareFile(db, db.auditFile, hashes));
      if (differs !== undefined) return { kind: "broken", ...differs };
      return { kind: "intact", rows: last.seq, hash: last.hash };
    },
  };
}

/** The first row in which the file and the database differ, up to the rows that the database had. */
async function compareFile(
  db: Database,
  file: AuditFile,
  hashes: readonly string[],
): Promise<{ seq: number; reason: string } | undefined> {
  await file.append([]);
  const rows = await readAuditFile(file.path);
  for (const [index, hash] of hashes.entries()) {
    const row = rows[index];
    const seq = index + 1;
    if (index >= rows.length) return { seq, reason: `the audit file ends before row ${seq}` };
    if (row?.seq !== seq || row.hash !== hash || auditHash(row) !== hash) {
      return { seq, reason: `row ${seq} is another in the audit file` };
    }
  }
  // A row is in the database before it is in the file.
  const [end] = await db.sql.selectFrom("audit").select("seq").orderBy("seq", "desc").limit(1).execute();
  const last = end?.seq ?? 0;
  if (rows.length > last)
    return { seq: last + 1, reason: `cut off after row ${last}: the audit file goes on to ${rows.length}` };
  return undefined;
}

function loadAfter(db: Database, seq: number): Promise<AuditRow[]> {
  return db.sql.selectFrom("audit").selectAll().where("seq", ">", seq).orderBy("seq").limit(2000).execute();
}

/** Why `row` cannot follow `last`; undefined where it does. */
export function misfit(row: AuditRow, last: Pick<AuditRow, "seq" | "hash">): string | undefined {
  if (row.seq !== last.seq + 1) return `row ${last.seq + 1} is missing: row ${row.seq} follows row ${last.seq}`;
  if (row.previous !== last.hash) return `row ${row.seq} does not follow the row before it`;
  if (row.hash !== auditHash(row)) return `row ${row.seq} was changed after it was written`;
  return undefined;
}

async function loadHead(db: Database): Promise<{ seq: number; hash: string } | undefined> {
  const row = await db.sql.selectFrom("setting").select("value").where("key", "=", "audit-head").executeTakeFirst();
  return row?.value as { seq: number; hash: string } | undefined;
}
