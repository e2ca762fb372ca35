import type { EnvironmentName, ImageName } from "../../core/plan/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { insertQuarantine, type NewQuarantine } from "./quarantine.ts";
import { timestamp, type Approval } from "./schema.ts";

export function approvalQueries(db: Database) {
  return {
    /** Keeps what a person says of a digest for an environment, in place of what they said before; with a rejection goes the quarantine of what it is of. */
    saveApproval: (
      approval: {
        readonly image: ImageName;
        readonly environment: EnvironmentName;
        readonly digest: Digest;
        readonly who: string;
        readonly verdict: "approved" | "rejected";
        readonly reason: string;
      },
      quarantine?: NewQuarantine,
    ): Promise<Approval> =>
      db.write(async (write) => {
        const createdAt = timestamp(db.clock.now());
        const { verdict, reason } = approval;
        const row = await write.sql
          .insertInto("approval")
          .values({ ...approval, createdAt })
          .onConflict((conflict) =>
            conflict.columns(["image", "environment", "digest", "who"]).doUpdateSet({ verdict, reason, createdAt }),
          )
          .returningAll()
          .executeTakeFirstOrThrow();
        await write.audit(approval.who, verdict, { ...row });
        if (quarantine !== undefined) await insertQuarantine(write, createdAt, quarantine);
        return row;
      }),

    /** What people said, oldest first; of these digests where they are named. */
    loadApprovals: (
      filter: { readonly image?: ImageName | undefined; readonly digests?: readonly Digest[] } = {},
    ): Promise<Approval[]> => {
      let query = db.sql.selectFrom("approval").selectAll().orderBy("createdAt").orderBy("who").limit(10_000);
      if (filter.image !== undefined) query = query.where("image", "=", filter.image);
      if (filter.digests !== undefined) {
        if (filter.digests.length === 0) return Promise.resolve([]);
        query = query.where("digest", "in", [...filter.digests]);
      }
      return query.execute();
    },
  };
}
