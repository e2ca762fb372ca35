import type { ImageName } from "../../core/plan/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Database, Write } from "./database.ts";
import { json, timestamp, type BlockedBase, type BlockedPackage, type Quarantine } from "./schema.ts";

/** A digest that must never be promoted again, with the versions that it brought, and the digests of other people's images. */
export interface NewQuarantine {
  readonly image: ImageName;
  readonly digest: Digest;
  readonly packages: readonly BlockedPackage[];
  readonly bases?: readonly BlockedBase[];
  readonly reason: string;
  readonly who: string;
}

export function quarantineQueries(db: Database) {
  return {
    /** Once in quarantine, a digest keeps its first reason. */
    saveQuarantine: (quarantine: NewQuarantine): Promise<void> =>
      db.write((write) => insertQuarantine(write, timestamp(db.clock.now()), quarantine)),

    /** Takes a digest out of quarantine that `who` put there, where that is no longer so. */
    saveQuarantineLifted: (of: Pick<NewQuarantine, "image" | "digest" | "who" | "reason">): Promise<void> =>
      db.write(async ({ sql, audit }) => {
        const row = await sql
          .deleteFrom("quarantine")
          .where("image", "=", of.image)
          .where("digest", "=", of.digest)
          .where("who", "=", of.who)
          .returningAll()
          .executeTakeFirst();
        if (row !== undefined) await audit("tidemill", "quarantine-lifted", { ...row, why: of.reason });
      }),

    loadQuarantines: (image?: ImageName): Promise<Quarantine[]> => {
      const query = db.sql.selectFrom("quarantine").selectAll().orderBy("createdAt");
      return (image === undefined ? query : query.where("image", "=", image)).execute();
    },
  };
}

export async function insertQuarantine(write: Write, now: string, quarantine: NewQuarantine): Promise<void> {
  const row = await write.sql
    .insertInto("quarantine")
    .values({
      ...quarantine,
      packages: json(quarantine.packages),
      bases: json(quarantine.bases ?? []),
      createdAt: now,
    })
    .onConflict((conflict) => conflict.columns(["image", "digest"]).doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row !== undefined) await write.audit(quarantine.who, "quarantined", { ...row });
}
