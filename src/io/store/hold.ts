import { randomUUID } from "node:crypto";
import type { EnvironmentName, ImageName } from "../../core/plan/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { at } from "./lease.ts";
import { timestamp, type Hold } from "./schema.ts";

export function holdQueries(db: Database) {
  return {
    saveHold: (hold: {
      readonly image: ImageName | null;
      readonly environment: EnvironmentName | null;
      readonly byPerson: boolean;
      readonly who: string;
      readonly reason: string;
      readonly until: Instant | null;
    }): Promise<Hold> =>
      db.write(async ({ sql, audit }) => {
        const { until, ...rest } = hold;
        const row = await sql
          .insertInto("hold")
          .values({
            ...rest,
            id: randomUUID(),
            until: until === null ? null : timestamp(until),
            createdAt: timestamp(db.clock.now()),
            liftedBy: null,
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        await audit(hold.who, "held", { ...row });
        return row;
      }),

    /** Lifts the holds on exactly this image and environment. One that a person set is lifted only where `byPerson`. */
    saveHoldsLifted: (which: {
      readonly image: ImageName | null;
      readonly environment: EnvironmentName | null;
      readonly byPerson: boolean;
      readonly who: string;
      readonly reason: string;
    }): Promise<Hold[]> =>
      db.write(async ({ sql, audit }) => {
        let query = sql
          .updateTable("hold")
          .set({ liftedAt: timestamp(db.clock.now()), liftedBy: which.who })
          .where("liftedAt", "is", null)
          .where("image", which.image === null ? "is" : "=", which.image)
          .where("environment", which.environment === null ? "is" : "=", which.environment)
          .returningAll();
        if (!which.byPerson) query = query.where("byPerson", "=", false);
        const lifted = await query.execute();
        for (const hold of lifted) {
          await audit(which.who, "resumed", {
            id: hold.id,
            image: hold.image,
            environment: hold.environment,
            reason: which.reason,
          });
        }
        return lifted;
      }),

    /** The holds that stand now; where an image is named, those that it is under. */
    loadHolds: (image?: ImageName): Promise<Hold[]> => {
      let query = db.sql
        .selectFrom("hold")
        .selectAll()
        .where("liftedAt", "is", null)
        .where((row) => row.or([row("until", "is", null), row("until", ">", at(db.clock.now()))]))
        .orderBy("createdAt");
      if (image !== undefined)
        query = query.where((row) => row.or([row("image", "is", null), row("image", "=", image)]));
      return query.execute();
    },
  };
}
