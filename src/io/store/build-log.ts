import type { Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { timestamp } from "./schema.ts";

/** What a build said. */
export interface BuildLog {
  readonly rebuild: string;
  readonly at: Instant;
  readonly text: string;
  /** Lines in the middle that were not kept. */
  readonly leftOut: number;
}

export function buildLogQueries(db: Database) {
  return {
    /** Keeps what the newest build of a rebuild said. */
    saveBuildLog: async (rebuild: string, text: string, leftOut: number): Promise<void> => {
      const row = { at: timestamp(db.clock.now()), text: text.replaceAll("\0", "\ufffd"), leftOut };
      await db.sql
        .insertInto("buildLog")
        .values({ rebuild, ...row })
        .onConflict((conflict) => conflict.column("rebuild").doUpdateSet(row))
        .execute();
    },

    loadBuildLog: (rebuild: string): Promise<BuildLog | undefined> =>
      db.sql.selectFrom("buildLog").selectAll().where("rebuild", "=", rebuild).executeTakeFirst(),
  };
}
