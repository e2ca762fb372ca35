import { sql as fragment } from "kysely";
import type { Database } from "./database.ts";
import { insertNotification } from "./insert-notification.ts";
import { at } from "./lease.ts";
import { timestamp, type Detail, type Notification } from "./schema.ts";

export function notificationQueries(db: Database) {
  return {
    /** Puts a notification down for delivery; resolves to its id. */
    saveNotification: (event: string, body: Detail): Promise<string> =>
      insertNotification(db.sql, db.clock.now(), event, body),

    /** Takes those that are due, for `leaseMs`: whoever else asks does not get them until then. Counts the attempt. */
    leaseNotifications: (leaseMs: number, limit = 20): Promise<Notification[]> =>
      db.write(async ({ sql }) => {
        const now = db.clock.now();
        const due = sql
          .selectFrom("notification")
          .select("id")
          .where("deliveredAt", "is", null)
          .where("nextAttempt", "<=", at(now))
          .orderBy("nextAttempt")
          .limit(limit)
          .forUpdate()
          .skipLocked();
        return sql
          .updateTable("notification")
          .set({ nextAttempt: timestamp(now + leaseMs), attempts: fragment<number>`attempts + 1` })
          .where("id", "in", due)
          .returningAll()
          .execute();
      }),

    /** Those that are not delivered yet, oldest first. */
    loadPendingNotifications: (limit = 100): Promise<Notification[]> =>
      db.sql
        .selectFrom("notification")
        .selectAll()
        .where("deliveredAt", "is", null)
        .orderBy("createdAt")
        .limit(limit)
        .execute(),

    /** What became of an attempt: delivered, or to be tried again at `nextAttempt`. */
    saveDelivery: async (
      id: string,
      outcome:
        | { readonly kind: "delivered" }
        | { readonly kind: "failed"; readonly error: string; readonly nextAttempt: number },
    ): Promise<void> => {
      await db.sql
        .updateTable("notification")
        .set(
          outcome.kind === "delivered"
            ? { deliveredAt: timestamp(db.clock.now()), lastError: null }
            : { lastError: outcome.error, nextAttempt: timestamp(outcome.nextAttempt) },
        )
        .where("id", "=", id)
        .execute();
    },
  };
}
