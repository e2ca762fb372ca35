import { sql as fragment, type Transaction } from "kysely";
import { recordProposal, type BumpFinding, type BumpMove, type BumpType } from "../../core/bump/index.ts";
import type { ImageName } from "../../core/plan/index.ts";
import { canonicalJson, type Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { at, lost, type Lost } from "./lease.ts";
import { json, timestamp, type Bump, type BumpState, type Tables } from "./schema.ts";

/** What is wanted of a lock file, whatever became of it. */
export interface BumpWish {
  readonly key: string;
  readonly repository: string;
  readonly branch: string;
  readonly file: string;
  readonly type: BumpType;
  readonly package: string;
  readonly images: readonly ImageName[];
  readonly moves: readonly BumpMove[];
  readonly findings: readonly BumpFinding[];
}

/** The right to work at a bump; every save names it, and is refused once it is lost. */
export interface BumpLease {
  /** As it stood when the lease was granted. */
  readonly bump: Bump;
  readonly fence: number;
  readonly owner: string;
}

/** Where a bump goes next. What is left out stays as it is. */
export interface BumpStep {
  readonly state: BumpState;
  /** Why, as a sentence. */
  readonly reason: string;
  readonly inputs?: string | null;
  readonly head?: string | null;
  readonly url?: string | null;
  readonly retryAt?: Instant | null;
  /** Of what is refused: which of our own rules; nothing else has one. */
  readonly code?: string;
}

export function bumpQueries(db: Database) {
  return {
    /** Puts down what is wanted: a new wish waits, and so does one for other versions, whose cool-down begins anew. What is wanted as before stays where it is. */
    saveBumpWish: (wish: BumpWish): Promise<Bump> =>
      db.write(async ({ sql, audit }) => {
        const now = timestamp(db.clock.now());
        const { key, images, moves, findings, ...place } = wish;
        const before = await sql.selectFrom("bump").selectAll().where("key", "=", key).forUpdate().executeTakeFirst();
        const facts = { images: json(images), moves: json(moves), findings: json(findings) };
        const isSame = before !== undefined && canonicalJson(before.moves) === canonicalJson(moves);
        if (isSame)
          return sql.updateTable("bump").set(facts).where("key", "=", key).returningAll().executeTakeFirstOrThrow();
        const fresh = {
          ...facts,
          state: "waiting" as const,
          reason: "it was seen for the first time",
          inputs: null,
          retryAt: null,
          firstSeen: now,
          updatedAt: now,
        };
        const row = await sql
          .insertInto("bump")
          .values({ ...place, key, ...fresh, head: null, url: null, leaseOwner: null })
          .onConflict((conflict) => conflict.column("key").doUpdateSet(fresh))
          .returningAll()
          .executeTakeFirstOrThrow();
        await audit("tidemill", "bump-wanted", { ...row });
        return row;
      }),

    /** Takes a bump that nobody holds; undefined where somebody does, or there is none. */
    leaseBump: async (request: {
      readonly key: string;
      readonly owner: string;
      readonly leaseMs: number;
    }): Promise<BumpLease | undefined> => {
      const now = db.clock.now();
      const { key, owner, leaseMs } = request;
      const bump = await db.sql
        .updateTable("bump")
        .set({ leaseOwner: owner, leaseUntil: timestamp(now + leaseMs), fence: fragment<number>`fence + 1` })
        .where("key", "=", key)
        .where((one) => one.or([one("leaseUntil", "is", null), one("leaseUntil", "<=", at(now))]))
        .returningAll()
        .executeTakeFirst();
      return bump && { bump, fence: bump.fence, owner };
    },

    /** The same lease, `leaseMs` from now; false where it was lost. */
    renewBump: async ({ bump: { key }, fence }: BumpLease, leaseMs: number): Promise<boolean> => {
      const now = db.clock.now();
      const row = await db.sql
        .updateTable("bump")
        .set({ leaseUntil: timestamp(now + leaseMs) })
        .where("key", "=", key)
        .where("fence", "=", fence)
        .where("leaseUntil", ">", at(now))
        .returning("fence")
        .executeTakeFirst();
      return row !== undefined;
    },

    /** Gives a lease back, so that nobody waits for its end. A lost one changes nothing. */
    releaseBump: async ({ bump: { key }, fence }: BumpLease): Promise<void> => {
      await db.sql
        .updateTable("bump")
        .set({ leaseOwner: null, leaseUntil: null })
        .where("key", "=", key)
        .where("fence", "=", fence)
        .execute();
    },

    /** Gives back the leases of all others, for whoever holds the state alone: their processes are gone. */
    releaseOtherBumps: async (owner: string): Promise<void> => {
      await db.sql
        .updateTable("bump")
        .set({ leaseOwner: null, leaseUntil: null, fence: fragment<number>`fence + 1` })
        .where("leaseOwner", "is not", null)
        .where("leaseOwner", "!=", owner)
        .execute();
    },

    /** Takes a bump a step further; the same again is the same. Lost where the lease is. */
    saveBump: (lease: BumpLease, { state, reason, ...more }: BumpStep): Promise<Bump | Lost> =>
      db.write(async ({ sql, audit }) => {
        const now = db.clock.now();
        const before = await lockBump(sql, lease, now);
        if (before === undefined) return lost;
        const { retryAt, code = null, ...rest } = more;
        const url = rest.url === undefined ? before.url : rest.url;
        const { moves, findings, proposals: had, updatedAt } = before;
        const proposals = recordProposal(had, { state, url, moves, findings, before: updatedAt }, now);
        const row = await sql
          .updateTable("bump")
          .set({
            state,
            reason,
            ...rest,
            code,
            proposals: json(proposals),
            ...(retryAt === undefined ? {} : { retryAt: retryAt === null ? null : timestamp(retryAt) }),
            updatedAt: timestamp(now),
          })
          .where("key", "=", before.key)
          .returningAll()
          .executeTakeFirstOrThrow();
        if (before.state !== state || before.reason !== reason || before.url !== row.url)
          await audit("tidemill", `bump-${state}`, { ...row });
        return row;
      }),

    /** Every bump that was ever wanted, of one image where it is named. */
    loadBumps: async (image?: ImageName): Promise<Bump[]> => {
      const rows = await db.sql
        .selectFrom("bump")
        .selectAll()
        .orderBy("repository")
        .orderBy("file")
        .orderBy("package")
        .execute();
      return image === undefined ? rows : rows.filter(({ images }) => images.includes(image));
    },
  };
}

function lockBump(sql: Transaction<Tables>, lease: BumpLease, now: Instant): Promise<Bump | undefined> {
  return sql
    .selectFrom("bump")
    .selectAll()
    .where("key", "=", lease.bump.key)
    .where("fence", "=", lease.fence)
    .where("leaseUntil", ">", at(now))
    .forUpdate()
    .executeTakeFirst();
}
