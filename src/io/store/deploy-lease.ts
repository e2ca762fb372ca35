import { sql as fragment, type Transaction } from "kysely";
import type { ImageName } from "../../core/plan/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { at } from "./lease.ts";
import { timestamp, type Deployed, type Tables } from "./schema.ts";

/** The right to work at the place where a deployment runs an image; every save names it, and is refused once it is lost. */
export interface DeployLease {
  readonly name: string;
  readonly image: ImageName;
  readonly fence: number;
  readonly owner: string;
}

export function deployLeaseQueries(db: Database) {
  return {
    /** Takes a place that nobody holds; undefined where somebody does. */
    leasePlace: async (request: {
      readonly name: string;
      readonly image: ImageName;
      readonly owner: string;
      readonly leaseMs: number;
    }): Promise<DeployLease | undefined> => {
      const { name, image, owner, leaseMs } = request;
      const now = db.clock.now();
      await db.sql
        .insertInto("deployed")
        .values({ name, image, digest: null, deployment: null, waiting: null, leaseOwner: null })
        .onConflict((conflict) => conflict.columns(["name", "image"]).doNothing())
        .execute();
      const row = await db.sql
        .updateTable("deployed")
        .set({ leaseOwner: owner, leaseUntil: timestamp(now + leaseMs), fence: fragment<number>`fence + 1` })
        .where("name", "=", name)
        .where("image", "=", image)
        .where((one) => one.or([one("leaseUntil", "is", null), one("leaseUntil", "<=", at(now))]))
        .returningAll()
        .executeTakeFirst();
      return row && { name, image, fence: row.fence, owner };
    },

    /** The same lease, `leaseMs` from now; false where it was lost. */
    renewPlace: async (lease: DeployLease, leaseMs: number): Promise<boolean> => {
      const now = db.clock.now();
      const row = await db.sql
        .updateTable("deployed")
        .set({ leaseUntil: timestamp(now + leaseMs) })
        .where("name", "=", lease.name)
        .where("image", "=", lease.image)
        .where("fence", "=", lease.fence)
        .where("leaseUntil", ">", at(now))
        .returning("fence")
        .executeTakeFirst();
      return row !== undefined;
    },

    /** Gives a lease back, so that nobody waits for its end. A lost one changes nothing. */
    releasePlace: async (lease: DeployLease): Promise<void> => {
      await db.sql
        .updateTable("deployed")
        .set({ leaseOwner: null, leaseUntil: null })
        .where("name", "=", lease.name)
        .where("image", "=", lease.image)
        .where("fence", "=", lease.fence)
        .execute();
    },

    /** Gives back the leases of all others, for whoever holds the state alone: their processes are gone. */
    releaseOtherPlaces: async (owner: string): Promise<void> => {
      await db.sql
        .updateTable("deployed")
        .set({ leaseOwner: null, leaseUntil: null, fence: fragment<number>`fence + 1` })
        .where("leaseOwner", "is not", null)
        .where("leaseOwner", "!=", owner)
        .execute();
    },
  };
}

/** The place, locked until the transaction ends; undefined where the lease was lost. */
export function lockPlace(sql: Transaction<Tables>, lease: DeployLease, now: Instant): Promise<Deployed | undefined> {
  return sql
    .selectFrom("deployed")
    .selectAll()
    .where("name", "=", lease.name)
    .where("image", "=", lease.image)
    .where("fence", "=", lease.fence)
    .where("leaseUntil", ">", at(now))
    .forUpdate()
    .executeTakeFirst();
}
