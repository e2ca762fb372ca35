import { randomUUID } from "node:crypto";
import { sql as fragment } from "kysely";
import type { Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { insertNotification } from "./insert-notification.ts";
import { at } from "./lease.ts";
import { json, timestamp, type Detail, type Notification } from "./schema.ts";

export function notificationQueries(db: Database) {
  return {
    /** Puts a notification down for delivery; resolves to its id. */
    saveNotification: (event: string, body: Detail): Promise<string> =>
      insertNotification(db.sql, db.clock.now(), event, body),

    /**
     * Decides who is told of what was not looked at yet, at most `limit` rows, the oldest first: each receiver gets a row of its own, and what nobody wants is done with. The same about the same thing that still waits for
     * its first attempt is counted there. Resolves to how many were looked at.
     */
    routeNotifications: (
      limit: number,
      route: (row: Notification) => readonly { receiver: string; notBefore: Instant; about: string }[],
    ): Promise<number> =>
      db.write(async ({ sql }) => {
        const rows = await sql
          .selectFrom("notification")
          .selectAll()
          .where("deliveredAt", "is", null)
          .where("receiver", "is", null)
          .orderBy("createdAt")
          .limit(limit)
          .forUpdate()
          .skipLocked()
          .execute();
        for (const row of rows) {
          const wanted: ReturnType<typeof route>[number][] = [];
          for (const one of route(row)) {
            const { numUpdatedRows } = await sql
              .updateTable("notification")
              .set({ repeats: fragment<number>`repeats + 1` })
              .where("receiver", "=", one.receiver)
              .where("about", "=", one.about)
              .where("deliveredAt", "is", null)
              .where("attempts", "=", 0)
              .executeTakeFirst();
            if (numUpdatedRows === 0n) wanted.push(one);
          }
          const [first, ...rest] = wanted;
          await sql
            .updateTable("notification")
            .set(
              first === undefined
                ? { deliveredAt: timestamp(db.clock.now()) }
                : { receiver: first.receiver, about: first.about, nextAttempt: timestamp(first.notBefore) },
            )
            .where("id", "=", row.id)
            .execute();
          for (const { receiver, about, notBefore } of rest)
            await sql
              .insertInto("notification")
              .values({
                id: randomUUID(),
                event: row.event,
                body: json(row.body),
                createdAt: timestamp(row.createdAt),
                nextAttempt: timestamp(notBefore),
                receiver,
                about,
              })
              .execute();
        }
        return rows.length;
      }),

    /** Takes those of a receiver that are due, for `leaseMs`, the oldest first: whoever else asks does not get them until then. Counts the attempt. */
    leaseNotifications: (receiver: string, leaseMs: number, limit = 20): Promise<Notification[]> =>
      db.write(async ({ sql }) => {
        const now = db.clock.now();
        const due = sql
          .selectFrom("notification")
          .select("id")
          .where("deliveredAt", "is", null)
          .where("receiver", "=", receiver)
          .where("nextAttempt", "<=", at(now))
          .orderBy("nextAttempt")
          .orderBy("createdAt")
          .limit(limit)
          .forUpdate()
          .skipLocked();
        const rows = await sql
          .updateTable("notification")
          .set({ nextAttempt: timestamp(now + leaseMs), attempts: fragment<number>`attempts + 1` })
          .where("id", "in", due)
          .returningAll()
          .execute();
        return rows.sort((a, b) => a.createdAt - b.createdAt);
      }),

    /** Is done with what waits for receivers that there are no more. */
    endNotifications: async (receivers: readonly string[]): Promise<void> => {
      await db.sql
        .updateTable("notification")
        .set({ deliveredAt: timestamp(db.clock.now()) })
        .where("deliveredAt", "is", null)
        .where("receiver", "is not", null)
        .where("receiver", "not in", [...receivers, ""])
        .execute();
    },

    /** Has those that were given up tried again, as if for the first time; resolves to how many. */
    hurryNotifications: async (receivers: readonly string[]): Promise<number> => {
      const { numUpdatedRows } = await db.sql
        .updateTable("notification")
        .set({ attempts: 0, nextAttempt: timestamp(db.clock.now()) })
        .where("deliveredAt", "is", null)
        .where("receiver", "in", [...receivers, ""])
        .where("nextAttempt", ">=", fragment<Instant>`'9000-01-01'::timestamptz`)
        .executeTakeFirst();
      return Number(numUpdatedRows);
    },

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
