import { randomUUID } from "node:crypto";
import type { Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { at } from "./lease.ts";
import { json, timestamp, type Detail, type Observation } from "./schema.ts";

export function observationQueries(db: Database) {
  return {
    /**
     * Records that an upstream shows `contentKey`. The first sight of an upstream is its baseline; what was seen before
     * keeps its time, and `isNew` is false.
     */
    saveObservation: (seen: {
      readonly upstream: string;
      readonly contentKey: string;
      readonly detail: Detail;
    }): Promise<{ readonly observation: Observation; readonly isNew: boolean }> =>
      db.write(async ({ sql }) => {
        // Two watchers of one upstream take turns, or both would be the first.
        await sql.selectFrom("upstream").select("name").where("name", "=", seen.upstream).forUpdate().execute();
        const known = sql.selectFrom("observation").selectAll().where("upstream", "=", seen.upstream);
        const before = await known.where("contentKey", "=", seen.contentKey).executeTakeFirst();
        if (before !== undefined) return { observation: before, isNew: false };
        const any = await known.limit(1).executeTakeFirst();
        const observation = await sql
          .insertInto("observation")
          .values({
            id: randomUUID(),
            upstream: seen.upstream,
            contentKey: seen.contentKey,
            detail: json(seen.detail),
            firstSeen: timestamp(db.clock.now()),
            baseline: any === undefined,
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        return { observation, isNew: true };
      }),

    /** What was seen, newest first; of one upstream where it is named, and not after `until`. */
    loadObservations: (
      options: { readonly upstream?: string; readonly until?: Instant; readonly limit?: number } = {},
    ): Promise<Observation[]> => {
      let query = db.sql
        .selectFrom("observation")
        .selectAll()
        .orderBy("firstSeen", "desc")
        .orderBy("id")
        .limit(options.limit ?? 100);
      if (options.upstream !== undefined) query = query.where("upstream", "=", options.upstream);
      if (options.until !== undefined) query = query.where("firstSeen", "<=", at(options.until));
      return query.execute();
    },

    /** The newest observation of each upstream. */
    loadNewestObservations: (): Promise<Observation[]> =>
      db.sql
        .selectFrom("observation")
        .selectAll()
        .distinctOn("upstream")
        .orderBy("upstream")
        .orderBy("firstSeen", "desc")
        .execute(),

    loadObservation: (upstream: string, contentKey: string): Promise<Observation | undefined> =>
      db.sql
        .selectFrom("observation")
        .selectAll()
        .where("upstream", "=", upstream)
        .where("contentKey", "=", contentKey)
        .executeTakeFirst(),
  };
}
