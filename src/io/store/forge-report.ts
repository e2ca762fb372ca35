import { sql as fragment } from "kysely";
import type { ImageName } from "../../core/plan/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { at } from "./lease.ts";
import { json, timestamp, type ForgeReport, type ForgeReportDetail } from "./schema.ts";

/** Something that is to be said at a forge. */
export interface WantedReport {
  readonly key: string;
  readonly image: ImageName;
  readonly kind: ForgeReport["kind"];
  readonly detail: ForgeReportDetail;
  /** State and words: what differs from what was said is said anew. */
  readonly wanted: string;
}

export function forgeReportQueries(db: Database) {
  return {
    /** Puts down what is wanted; what is new or another than before is due at once. */
    saveForgeReports: async (reports: readonly WantedReport[]): Promise<void> => {
      if (reports.length === 0) return;
      const now = timestamp(db.clock.now());
      await db.sql
        .insertInto("forgeReport")
        .values(
          reports.map(({ key, image, kind, detail, wanted }) => ({
            key,
            image,
            kind,
            detail: json(detail),
            wanted,
            nextAttempt: now,
            createdAt: now,
            updatedAt: now,
          })),
        )
        .onConflict((conflict) =>
          conflict
            .column("key")
            .doUpdateSet((row) => ({
              detail: row.ref("excluded.detail"),
              wanted: row.ref("excluded.wanted"),
              attempts: 0,
              nextAttempt: now,
              updatedAt: now,
            }))
            .where((row) => row("forgeReport.wanted", "is distinct from", row.ref("excluded.wanted"))),
        )
        .execute();
    },

    /** Takes those that are due, for `leaseMs`: whoever else asks does not get them until then. Counts the attempt. */
    leaseForgeReports: (leaseMs: number, limit: number): Promise<ForgeReport[]> =>
      db.write(async ({ sql }) => {
        const now = db.clock.now();
        const due = sql
          .selectFrom("forgeReport")
          .select("key")
          .where((row) => row("said", "is distinct from", row.ref("wanted")))
          .where("nextAttempt", "<=", at(now))
          .orderBy("nextAttempt")
          .orderBy("createdAt")
          .limit(limit)
          .forUpdate()
          .skipLocked();
        return sql
          .updateTable("forgeReport")
          .set({ nextAttempt: timestamp(now + leaseMs), attempts: fragment<number>`attempts + 1` })
          .where("key", "in", due)
          .returningAll()
          .execute();
      }),

    /** What became of an attempt: `said` was said, or it is tried again at `nextAttempt`. What is wanted by then may be something else: that stays due. */
    saveForgeReported: async (
      key: string,
      outcome:
        | { readonly kind: "said"; readonly said: string; readonly remote: string | undefined }
        | { readonly kind: "failed"; readonly error: string; readonly nextAttempt: Instant },
    ): Promise<void> => {
      const now = db.clock.now();
      await db.sql
        .updateTable("forgeReport")
        .set(
          outcome.kind === "said"
            ? {
                said: outcome.said,
                remote: outcome.remote ?? null,
                attempts: 0,
                nextAttempt: timestamp(now),
                lastError: null,
              }
            : { lastError: outcome.error, nextAttempt: timestamp(outcome.nextAttempt) },
        )
        .where("key", "=", key)
        .execute();
    },

    /** What could not be said in so many attempts, the oldest first. */
    loadUntoldReports: (attempts: number, limit: number): Promise<ForgeReport[]> =>
      db.sql
        .selectFrom("forgeReport")
        .selectAll()
        .where((row) => row("said", "is distinct from", row.ref("wanted")))
        .where("attempts", ">=", attempts)
        .where("lastError", "is not", null)
        .orderBy("createdAt")
        .limit(limit)
        .execute(),

    /** What is said of an image, the newest first. */
    loadForgeReports: (image: ImageName, limit = 200): Promise<ForgeReport[]> =>
      db.sql
        .selectFrom("forgeReport")
        .selectAll()
        .where("image", "=", image)
        .orderBy("updatedAt", "desc")
        .orderBy("key")
        .limit(limit)
        .execute(),
  };
}
