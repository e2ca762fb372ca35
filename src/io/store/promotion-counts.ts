import { sql as fragment } from "kysely";
import type { EnvironmentName } from "../../core/plan/index.ts";
import type { Database } from "./database.ts";

/** What was moved so far, and how long fixes took. */
export interface PromotionCounts {
  readonly promotions: number;
  readonly rollbacks: number;
  /** Median over the promotions to the environment that a newer package caused, from its first sight to the pointer; null while there is none. */
  readonly secondsFixToPromotion: number | null;
}

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
      const fixed = db.sql
        .selectFrom("promotion")
        .innerJoin("cause", "cause.rebuild", "promotion.rebuild")
        .select([
          "promotion.id",
          fragment<number>`extract(epoch from promotion.confirmed_at) - min((cause.detail ->> 'firstSeen')::float8) / 1000`.as(
            "seconds",
          ),
        ])
        .where("promotion.environment", "=", environment)
        .where("promotion.state", "=", "confirmed")
        .where("promotion.kind", "=", "forward")
        .where("cause.kind", "=", "package")
        .groupBy("promotion.id");
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
