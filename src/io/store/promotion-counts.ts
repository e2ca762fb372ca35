import { sql as fragment } from "kysely";
import type { EnvironmentName } from "../../core/plan/index.ts";
import type { Database } from "./database.ts";

/** What was moved so far, and how long fixes took. */
export interface PromotionCounts {
  readonly promotions: number;
  readonly rollbacks: number;
  /** Median over those of the newest thousand promotions to the environment that a newer package caused, from its first sight to the pointer; null while there is none. */
  readonly secondsFixToPromotion: number | null;
}

const timed = 1000;

export function promotionCountsQueries(db: Database) {
  return {
    /** Counts of every environment; times of `environment`. */
    loadPromotionCounts: async (environment: EnvironmentName): Promise<PromotionCounts> => {
      const counts = await db.sql
        .selectFrom("promotion")
        .select(["kind", (row) => row.fn.countAll<number>().as("rows")])
        .where("state", "=", "confirmed")
        .groupBy("kind")
        .execute();
      const countOf = (kind: "forward" | "rollback") => counts.find((one) => one.kind === kind)?.rows ?? 0;
      const newest = db.sql
        .selectFrom("promotion")
        .select(["id", "rebuild", "confirmedAt"])
        .where("environment", "=", environment)
        .where("state", "=", "confirmed")
        .where("kind", "=", "forward")
        .orderBy("createdAt", "desc")
        .limit(timed);
      const fixed = db.sql
        .selectFrom(newest.as("newest"))
        .innerJoin("cause", "cause.rebuild", "newest.rebuild")
        .select(
          fragment<number>`extract(epoch from newest.confirmed_at) - min((cause.detail ->> 'firstSeen')::float8) / 1000`.as(
            "seconds",
          ),
        )
        .where("cause.kind", "=", "package")
        .groupBy(["newest.id", "newest.confirmedAt"]);
      const median = await db.sql
        .selectFrom(fixed.as("fixed"))
        .select(fragment<number | null>`percentile_cont(0.5) within group (order by seconds)`.as("seconds"))
        .executeTakeFirst();
      const seconds = median?.seconds ?? null;
      return {
        promotions: countOf("forward"),
        rollbacks: countOf("rollback"),
        secondsFixToPromotion: seconds === null ? null : Math.max(0, seconds),
      };
    },
  };
}
