import { sql as fragment } from "kysely";
import type { Lane, RebuildState } from "../../core/plan/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";

/** How rebuilds went and go. */
export interface RebuildCounts {
  /** Those that ended, by how, and those that are under way. */
  readonly states: readonly { readonly state: RebuildState; readonly lane: Lane; readonly count: number }[];
  /** Since when the oldest that is due waits for a worker; undefined where none does. */
  readonly dueSince: Instant | undefined;
  /** Seconds from being queued to the end of those that were promoted, failed or found unchanged: how many took at most each of `bounds`. */
  readonly durations: readonly {
    readonly state: RebuildState;
    readonly below: readonly number[];
    readonly count: number;
    readonly sum: number;
  }[];
}

/** Seconds: from an image of one layer to a compiler's. */
export const durationBounds = [10, 30, 60, 120, 300, 600, 1800, 3600, 14_400] as const;

export function metricQueries(db: Database) {
  return {
    /** What is counted of rebuilds, over all that are kept. */
    loadRebuildCounts: async (): Promise<RebuildCounts> => {
      const now = new Date(db.clock.now()).toISOString();
      const states = await db.sql
        .selectFrom("rebuild")
        .select(["state", "lane", (row) => row.fn.countAll<number>().as("count")])
        .groupBy(["state", "lane"])
        .orderBy("state")
        .orderBy("lane")
        .execute();
      const due = await db.sql
        .selectFrom("rebuild")
        .select((row) => row.fn.min("notBefore").as("since"))
        .where("state", "=", "queued")
        .where("leaseOwner", "is", null)
        .where("notBefore", "<=", fragment<Instant>`${now}::timestamptz`)
        .executeTakeFirst();
      const took = fragment<number>`greatest(0, extract(epoch from finished_at - created_at))::float8`;
      const durations = await db.sql
        .selectFrom("rebuild")
        .select([
          "state",
          (row) => row.fn.countAll<number>().as("count"),
          fragment<number>`sum(${took})::float8`.as("sum"),
          fragment<number[]>`array[${fragment.join(
            durationBounds.map((bound) => fragment`count(*) filter (where ${took} <= ${fragment.lit(bound)})`),
          )}]::int[]`.as("below"),
        ])
        .where("finishedAt", "is not", null)
        .where("state", "in", ["promoted", "unchanged", "failed"])
        .groupBy("state")
        .orderBy("state")
        .execute();
      return { states, dueSince: due?.since ?? undefined, durations };
    },

    /** Notifications that wait, and those that were given up. */
    countNotifications: async (): Promise<{ readonly waiting: number; readonly abandoned: number }> => {
      const row = await db.sql
        .selectFrom("notification")
        .select([
          fragment<number>`count(*) filter (where next_attempt < '9000-01-01')`.as("waiting"),
          fragment<number>`count(*) filter (where next_attempt >= '9000-01-01')`.as("abandoned"),
        ])
        .where("deliveredAt", "is", null)
        .executeTakeFirstOrThrow();
      return { waiting: row.waiting, abandoned: row.abandoned };
    },
  };
}
