import { rename } from "node:fs/promises";
import { readAuditFile, readAuditTail, type AuditFile } from "./audit-file.ts";
import { misfit } from "./audit.ts";
import { saveAuditRow, type Database } from "./database.ts";
import { replayAudit } from "./replay.ts";
import type { AuditRow } from "./schema.ts";

/**
 * Makes the audit file and the chain in the database say the same: the longer one repairs the other, and what only the file knew is done again to the tables.
 * Resolves to what was reconciled, one sentence each. Where the two contradict each other the file is set aside and named, for a person to look at. `openFile` is called once the file may be written.
 */
export async function repairAudit(
  db: Database,
  path: string,
  openFile: (path: string) => Promise<AuditFile>,
): Promise<{ readonly file: AuditFile; readonly reconciled: string[] }> {
  const reconciled: string[] = [];
  const { row: tail, torn } = await readAuditTail(path);
  if (torn > 0) reconciled.push(`the audit file ended in the middle of a row: its last ${torn} bytes were cut off`);
  const last = await lastRow(db);
  if (tail?.seq === last?.seq && tail?.hash === last?.hash) return { file: await openFile(path), reconciled };

  const divergence =
    tail === undefined || (last !== undefined && last.seq >= tail.seq)
      ? await misfitOfFile(db, tail)
      : await replayFile(db, path, last, reconciled);
  if (divergence !== undefined) {
    const aside = `${path}.contradicts-${db.clock.now()}`;
    await rename(path, aside).catch(() => undefined);
    reconciled.push(`the audit file contradicts the database (${divergence}): it is kept as ${aside}`);
  }
  const file = await openFile(path);
  const from = divergence === undefined ? (tail?.seq ?? 0) : 0;
  const written = await appendFrom(db, file, from);
  if (written > 0)
    reconciled.push(`the audit file lacked ${written} rows that the database has: they were written to it`);
  return { file, reconciled };
}

/** Why the file's last row is not the one that the database has there. */
async function misfitOfFile(db: Database, tail: AuditRow | undefined): Promise<string | undefined> {
  if (tail === undefined) return undefined;
  const same = await db.sql.selectFrom("audit").select("hash").where("seq", "=", tail.seq).executeTakeFirst();
  return same?.hash === tail.hash ? undefined : `row ${tail.seq} is another there`;
}

/** Takes over the rows that only the file has. */
async function replayFile(
  db: Database,
  path: string,
  last: AuditRow | undefined,
  reconciled: string[],
): Promise<string | undefined> {
  const rows = await readAuditFile(path);
  let before: Pick<AuditRow, "seq" | "hash"> = last ?? { seq: 0, hash: "" };
  const same = last === undefined ? undefined : rows[last.seq - 1];
  if (last !== undefined && same?.hash !== last.hash) return `row ${last.seq} is another there`;
  const added: AuditRow[] = [];
  for (const row of rows.slice(before.seq)) {
    const reason = row === undefined ? `row ${before.seq + 1} cannot be read` : misfit(row, before);
    if (row === undefined || reason !== undefined) return reason;
    added.push(row);
    before = row;
  }
  const done = await db.write(async ({ sql }) => {
    let count = 0;
    for (const row of added) {
      await saveAuditRow(sql, db.kind, row);
      if (await replayAudit(sql, row)) count += 1;
    }
    return count;
  });
  reconciled.push(
    `the database lacked ${added.length} rows that the audit file has: they were taken over, ${done} of them changed tables`,
  );
  for (const row of added) if (row.action === "intent") reconciled.push(describeIntent(row));
  return undefined;
}

function describeIntent(row: AuditRow): string {
  const { image, environment, digest } = row.detail;
  return `${String(image)} was to go to ${String(digest)} in ${String(environment)}: the registry is asked what became of it`;
}

function lastRow(db: Database): Promise<AuditRow | undefined> {
  return db.sql.selectFrom("audit").selectAll().orderBy("seq", "desc").limit(1).executeTakeFirst();
}

async function appendFrom(db: Database, file: AuditFile, seq: number): Promise<number> {
  let count = 0;
  for (let after = seq; ;) {
    const rows = await db.sql
      .selectFrom("audit")
      .selectAll()
      .where("seq", ">", after)
      .orderBy("seq")
      .limit(2000)
      .execute();
    const end = rows.at(-1);
    if (end === undefined) return count;
    await file.append(rows);
    count += rows.length;
    after = end.seq;
  }
}
