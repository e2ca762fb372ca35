import { sql as fragment, type Transaction } from "kysely";
import type { ImageName, Lane, RebuildState } from "../../core/plan/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { timestamp, type Rebuild, type Tables } from "./schema.ts";

/** The right to work at a rebuild until `until`; every save names it, and is refused once it is lost. */
export interface Lease {
  /** The rebuild as it stood when the lease was granted. */
  readonly rebuild: Rebuild;
  readonly fence: number;
  readonly owner: string;
  readonly until: Instant;
}

/** The lease ran out, was taken by another, or its rebuild has ended: nothing was saved. */
export interface Lost {
  readonly kind: "lost";
}
export const lost: Lost = { kind: "lost" };

export interface LeaseRequest {
  /** Who works: unique to a process. */
  readonly owner: string;
  readonly leaseMs: number;
  readonly states?: readonly RebuildState[];
  readonly lane?: Lane;
  /** Only this rebuild, even where it is not due yet. */
  readonly rebuild?: string;
  readonly image?: ImageName;
  /** Rebuilds to pass over. */
  readonly except?: readonly string[];
}

const activeStates = ["queued", "building", "built"] as const satisfies RebuildState[];

export function leaseQueries(db: Database) {
  return {
    /**
     * Takes the most pressing rebuild that is due and that nobody holds: urgent before routine, then in order of time. One that waits for
     * its parents comes when the candidate of each has passed a verification, or its rebuild has ended.
     */
    leaseRebuild: async (request: LeaseRequest): Promise<Lease | undefined> => {
      const now = db.clock.now();
      const until = now + request.leaseMs;
      const { rebuild, image, lane, except = [], states = activeStates } = request;
      let free = db.sql
        .selectFrom("rebuild as candidate")
        .select("id")
        .where("finishedAt", "is", null)
        .where("state", "in", states)
        .where((row) => row.or([row("leaseUntil", "is", null), row("leaseUntil", "<=", at(now))]))
        .where(
          fragment<boolean>`(candidate.state <> 'queued' or not exists (
            select 1 from rebuild parent where parent.id = any(candidate.parent_rebuilds) and parent.finished_at is null
              and not exists (select 1 from verification v where v.rebuild = parent.id and v.verdict = 'passed')))`,
        )
        .orderBy("lane", "desc")
        .orderBy("notBefore")
        .orderBy("createdAt")
        .limit(1)
        .forUpdate()
        .skipLocked();
      free = rebuild === undefined ? free.where("notBefore", "<=", at(now)) : free.where("id", "=", rebuild);
      if (image !== undefined) free = free.where("image", "=", image);
      if (lane !== undefined) free = free.where("lane", "=", lane);
      if (except.length > 0) free = free.where("id", "not in", except);
      const row = await db.sql
        .updateTable("rebuild")
        .set({ leaseOwner: request.owner, leaseUntil: timestamp(until), fence: fragment<number>`fence + 1` })
        .where("id", "=", free)
        .returningAll()
        .executeTakeFirst();
      return row && { rebuild: row, fence: row.fence, owner: request.owner, until };
    },

    /** The same lease, `leaseMs` from now. */
    renewLease: async (lease: Lease, leaseMs: number): Promise<Lease | Lost> => {
      const now = db.clock.now();
      const until = now + leaseMs;
      const row = await db.sql
        .updateTable("rebuild")
        .set({ leaseUntil: timestamp(until) })
        .where("id", "=", lease.rebuild.id)
        .where("fence", "=", lease.fence)
        .where("leaseUntil", ">", at(now))
        .where("finishedAt", "is", null)
        .returningAll()
        .executeTakeFirst();
      return row === undefined ? lost : { ...lease, rebuild: row, until };
    },

    /** Gives a lease back, so that nobody waits for its end; `notBefore` says when to look again. A lost one changes nothing. */
    releaseLease: async (lease: Lease, notBefore?: Instant): Promise<void> => {
      await db.sql
        .updateTable("rebuild")
        .set({
          leaseOwner: null,
          leaseUntil: null,
          ...(notBefore === undefined ? {} : { notBefore: timestamp(notBefore) }),
        })
        .where("id", "=", lease.rebuild.id)
        .where("fence", "=", lease.fence)
        .where("finishedAt", "is", null)
        .execute();
    },

    /** Has what waits for a rebuild looked at now. */
    hurryChildren: async (rebuild: string): Promise<void> => {
      await db.sql
        .updateTable("rebuild")
        .set({ notBefore: timestamp(db.clock.now()) })
        .where(fragment<boolean>`${rebuild}::uuid = any(parent_rebuilds)`)
        .where("finishedAt", "is", null)
        .where("notBefore", ">", at(db.clock.now()))
        .execute();
    },

    /** Has a rebuild looked at now. */
    hurryRebuild: async (rebuild: string): Promise<void> => {
      await db.sql
        .updateTable("rebuild")
        .set({ notBefore: timestamp(db.clock.now()) })
        .where("id", "=", rebuild)
        .where("finishedAt", "is", null)
        .execute();
    },

    /** Gives back the leases of all others, for whoever holds the state alone: their processes are gone. Resolves to how many there were. */
    releaseOtherLeases: async (owner: string): Promise<number> => {
      const rows = await db.sql
        .updateTable("rebuild")
        .set({ leaseOwner: null, leaseUntil: null, fence: fragment<number>`fence + 1` })
        .where("finishedAt", "is", null)
        .where("leaseOwner", "is not", null)
        .where("leaseOwner", "!=", owner)
        .returning("id")
        .execute();
      return rows.length;
    },
  };
}

/** The rebuild, locked until the transaction ends; undefined where the lease was lost. */
export function lockLeased(sql: Transaction<Tables>, lease: Lease, now: Instant): Promise<Rebuild | undefined> {
  return sql
    .selectFrom("rebuild")
    .selectAll()
    .where("id", "=", lease.rebuild.id)
    .where("fence", "=", lease.fence)
    .where("leaseUntil", ">", at(now))
    .where("finishedAt", "is", null)
    .forUpdate()
    .executeTakeFirst();
}

/** A moment to compare a column with. */
export function at(instant: Instant) {
  return fragment<Instant>`${timestamp(instant)}::timestamptz`;
}
