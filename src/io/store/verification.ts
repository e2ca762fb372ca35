import { randomUUID } from "node:crypto";
import { sql as fragment } from "kysely";
import type { EnvironmentName, ImageName } from "../../core/plan/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import type { Database, Write } from "./database.ts";
import { lockLeased, lost, type Lease, type Lost } from "./lease.ts";
import { changeRebuild, type RebuildChange } from "./rebuild.ts";
import { json, timestamp, type Detail, type StoredCheck, type Verdict, type Verification } from "./schema.ts";

export interface VerificationChange {
  readonly digest: Digest;
  readonly environment: EnvironmentName;
  /** Null while it goes on: from then on the rebuild is not superseded. */
  readonly verdict: Verdict | null;
  readonly checks: readonly StoredCheck[];
  readonly startedAt: Instant;
  /** What was found so far and whose word is waited for, and when it is asked for again: there is no verdict yet. */
  readonly waits?: { readonly found: Detail; readonly resumeAt: Instant };
}

/** Puts the verdict into the audit chain, unless nothing is new: what cannot run is tried again for as long as it takes. */
async function tell(write: Write, row: Verification, verdict: Verdict): Promise<void> {
  if (verdict === "not_run" && row.told === verdict) return;
  const { image, environment, digest, rebuild } = row;
  const told = { ...row, told: verdict };
  await write.sql.updateTable("verification").set({ told: verdict }).where("id", "=", row.id).execute();
  await write.audit("tidemill", "verified", { image, environment, digest, rebuild, verdict, row: told });
}

export function verificationQueries(db: Database) {
  return {
    /** Begins or ends the verification of a candidate in an environment, and moves the rebuild with it. */
    saveVerification: (
      lease: Lease,
      verification: VerificationChange,
      change?: RebuildChange,
    ): Promise<{ readonly kind: "saved"; readonly verification: Verification } | Lost> =>
      db.write(async (write) => {
        const now = db.clock.now();
        const rebuild = await lockLeased(write.sql, lease, now);
        if (rebuild === undefined) return lost;
        const { digest, environment, verdict } = verification;
        const fields = {
          verdict,
          checks: json(verification.checks),
          startedAt: timestamp(verification.startedAt),
          waiting: verification.waits === undefined ? null : json(verification.waits.found),
          resumeAt: verification.waits === undefined ? null : timestamp(verification.waits.resumeAt),
          finishedAt: verdict === null ? null : timestamp(now),
        };
        const row = await write.sql
          .insertInto("verification")
          .values({ ...fields, id: randomUUID(), image: rebuild.image, rebuild: rebuild.id, digest, environment })
          .onConflict((conflict) => conflict.columns(["rebuild", "environment", "digest"]).doUpdateSet(fields))
          .returningAll()
          .executeTakeFirstOrThrow();
        if (verdict !== null) await tell(write, row, verdict);
        if (change !== undefined) await changeRebuild(write, now, rebuild, change);
        return { kind: "saved", verification: row };
      }),

    /** Verifications of rebuilds, or of an image's digests, in the order they began. */
    loadVerifications: async (filter: {
      readonly rebuilds?: readonly string[];
      readonly image?: ImageName;
      readonly digest?: Digest;
      /** So many of those that began last. */
      readonly newest?: number;
    }): Promise<Verification[]> => {
      const { rebuilds, newest } = filter;
      const order = newest === undefined ? "asc" : "desc";
      let query = db.sql.selectFrom("verification").selectAll().orderBy("startedAt", order).orderBy("id", order);
      query = query.limit(newest ?? 10_000);
      if (rebuilds !== undefined) {
        query = query.where((row) => row("rebuild", "=", row.fn.any(fragment<string[]>`${[...rebuilds]}::uuid[]`)));
      }
      if (filter.image !== undefined) query = query.where("image", "=", filter.image);
      if (filter.digest !== undefined) query = query.where("digest", "=", filter.digest);
      const found = await query.execute();
      return newest === undefined ? found : found.reverse();
    },
  };
}
