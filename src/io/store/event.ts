import { randomUUID } from "node:crypto";
import type { Subject } from "../../core/events/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { at } from "./lease.ts";
import { json, timestamp } from "./schema.ts";

/** A delivery that proved itself, and what it is worth a look at. */
export interface NewEvent {
  readonly endpoint: string;
  readonly key: string;
  readonly subjects: readonly Subject[];
}

export function eventQueries(db: Database) {
  return {
    /** Puts down what was told, durable when it resolves; resolves to those that were not there before, by `endpoint` and `key`. */
    saveEvents: async (events: readonly NewEvent[]): Promise<Pick<NewEvent, "endpoint" | "key">[]> => {
      if (events.length === 0) return [];
      const receivedAt = timestamp(db.clock.now());
      return db.sql
        .insertInto("event")
        .values(
          events.map(({ endpoint, key, subjects }) => ({
            id: randomUUID(),
            endpoint,
            key,
            subjects: json(subjects),
            receivedAt,
          })),
        )
        .onConflict((conflict) => conflict.columns(["endpoint", "key"]).doNothing())
        .returning(["endpoint", "key"])
        .execute();
    },

    /** What waits for a look, the oldest first. */
    loadWaitingEvents: (limit: number): Promise<{ id: string; endpoint: string; subjects: readonly Subject[] }[]> =>
      db.sql
        .selectFrom("event")
        .select(["id", "endpoint", "subjects"])
        .where("lookedAt", "is", null)
        .orderBy("receivedAt")
        .orderBy("id")
        .limit(limit)
        .execute(),

    /** A look at these has ended. */
    saveEventsLooked: async (ids: readonly string[]): Promise<void> => {
      if (ids.length === 0) return;
      await db.sql
        .updateTable("event")
        .set({ lookedAt: timestamp(db.clock.now()) })
        .where("id", "in", [...ids])
        .execute();
    },

    /** Forgets what was looked at and came before `before`; resolves to how many they were. */
    removeEvents: async (before: Instant): Promise<number> => {
      const removed = await db.sql
        .deleteFrom("event")
        .where("lookedAt", "is not", null)
        .where("receivedAt", "<", at(before))
        .executeTakeFirst();
      return Number(removed.numDeletedRows);
    },

    /** How many wait for a look, and since when. */
    countWaitingEvents: async (): Promise<{ readonly count: number; readonly since: Instant | undefined }> => {
      const row = await db.sql
        .selectFrom("event")
        .select((table) => [table.fn.countAll<number>().as("count"), table.fn.min("receivedAt").as("since")])
        .where("lookedAt", "is", null)
        .executeTakeFirstOrThrow();
      return { count: row.count, since: row.since ?? undefined };
    },
  };
}
