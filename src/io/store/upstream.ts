import { sql as fragment } from "kysely";
import type { Database } from "./database.ts";
import { json, timestamp, type Detail, type StoredError, type Upstream } from "./schema.ts";

export function upstreamQueries(db: Database) {
  return {
    /** Makes the upstreams known; what is known of their attempts stays. */
    saveUpstreams: async (
      upstreams: readonly { readonly name: string; readonly kind: string; readonly detail: Detail }[],
    ): Promise<void> => {
      if (upstreams.length === 0) return;
      await db.sql
        .insertInto("upstream")
        .values(upstreams.map((one) => ({ ...one, detail: json(one.detail) })))
        .onConflict((conflict) =>
          conflict.column("name").doUpdateSet((row) => ({
            kind: row.ref("excluded.kind"),
            detail: row.ref("excluded.detail"),
          })),
        )
        .execute();
    },

    /** Records a look at an upstream now: without `error` it succeeded. */
    saveUpstreamAttempt: async (name: string, error?: StoredError): Promise<void> => {
      const now = timestamp(db.clock.now());
      await db.sql
        .updateTable("upstream")
        .set(
          error === undefined
            ? { lastAttempt: now, lastSuccess: now, lastError: null, failures: 0 }
            : { lastAttempt: now, lastError: json(error), failures: fragment<number>`failures + 1` },
        )
        .where("name", "=", name)
        .execute();
    },

    loadUpstreams: (): Promise<Upstream[]> => db.sql.selectFrom("upstream").selectAll().orderBy("name").execute(),
  };
}
