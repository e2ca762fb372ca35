import { randomUUID } from "node:crypto";
import type { Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { timestamp, type VexStatementRow } from "./schema.ts";

/** A statement as it is put down: `who` did so, in the name of `author`. */
export interface NewVexStatement {
  readonly vulnerability: string;
  readonly package: string | null;
  readonly image: string | null;
  readonly status: VexStatementRow["status"];
  readonly justification: string | null;
  readonly reason: string;
  readonly author: string;
  readonly until: Instant | null;
  readonly who: string;
}

export function vexStatementQueries(db: Database) {
  return {
    saveVexStatement: ({ until, who, ...rest }: NewVexStatement): Promise<VexStatementRow> =>
      db.write(async ({ sql, audit }) => {
        const row = await sql
          .insertInto("vexStatement")
          .values({
            ...rest,
            id: randomUUID(),
            until: until === null ? null : timestamp(until),
            createdAt: timestamp(db.clock.now()),
            createdBy: who,
            removedBy: null,
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        await audit(who, "vex-added", { ...row });
        return row;
      }),

    /** Takes statements back; those that stand no more are left alone. */
    saveVexStatementsRemoved: (
      ids: readonly string[],
      { who, reason }: { readonly who: string; readonly reason: string },
    ): Promise<VexStatementRow[]> =>
      db.write(async ({ sql, audit }) => {
        if (ids.length === 0) return [];
        const removed = await sql
          .updateTable("vexStatement")
          .set({ removedAt: timestamp(db.clock.now()), removedBy: who })
          .where("removedAt", "is", null)
          .where("id", "in", ids)
          .returningAll()
          .execute();
        for (const { id, vulnerability, package: name, image } of removed)
          await audit(who, "vex-removed", { id, vulnerability, package: name, image, reason });
        return removed;
      }),

    /** The statements that nobody took back, the newest first; those that have expired too. */
    loadVexStatements: (): Promise<VexStatementRow[]> =>
      db.sql
        .selectFrom("vexStatement")
        .selectAll()
        .where("removedAt", "is", null)
        .orderBy("createdAt", "desc")
        .orderBy("id")
        .execute(),
  };
}
