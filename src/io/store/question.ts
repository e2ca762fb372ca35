import type { EnvironmentName, ImageName } from "../../core/plan/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { timestamp, type Question } from "./schema.ts";

/** What a person is asked of a candidate. */
export interface AskedQuestion {
  readonly kind: string;
  readonly image: ImageName;
  readonly environment: EnvironmentName;
  readonly digest: Digest;
  readonly message: string;
  /** What to type. */
  readonly answer: string;
}

export function questionQueries(db: Database) {
  return {
    /** Puts down all that a person is asked of a rebuild now: what is new is told of once, what stood and is not asked any more is closed, and that is told too. Asked again after that, it is new. */
    saveQuestions: async (rebuild: string, asked: readonly AskedQuestion[]): Promise<void> => {
      const open = await db.sql
        .selectFrom("question")
        .select("key")
        .where("rebuild", "=", rebuild)
        .where("closedAt", "is", null)
        .execute();
      const keys = new Map(asked.map((one) => [keyOf(one), one]));
      if (open.length === keys.size && open.every(({ key }) => keys.has(key))) return;
      await db.write(async ({ sql, audit }) => {
        const now = timestamp(db.clock.now());
        const standing = await sql
          .selectFrom("question")
          .selectAll()
          .where("rebuild", "=", rebuild)
          .where("closedAt", "is", null)
          .forUpdate()
          .execute();
        for (const { key, kind, image, environment, digest } of standing) {
          if (keys.has(key)) continue;
          await sql.updateTable("question").set({ closedAt: now }).where("key", "=", key).execute();
          await audit("tidemill", "question-closed", { kind, image, environment, digest });
        }
        for (const [key, one] of keys) {
          if (standing.some((before) => before.key === key)) continue;
          const row = { ...one, rebuild, askedAt: now, closedAt: null };
          await sql
            .insertInto("question")
            .values({ key, ...row })
            .onConflict((conflict) => conflict.column("key").doUpdateSet(row))
            .execute();
          await audit("tidemill", "question-asked", { ...one });
        }
      });
    },

    /** What is asked now, oldest first. */
    loadQuestions: (): Promise<Question[]> =>
      db.sql.selectFrom("question").selectAll().where("closedAt", "is", null).orderBy("askedAt").limit(1000).execute(),
  };
}

function keyOf({ kind, image, environment, digest }: AskedQuestion): string {
  return `${kind}:${image}:${environment}:${digest}`;
}
