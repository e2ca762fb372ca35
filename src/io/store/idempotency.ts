import type { Digest } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { at } from "./lease.ts";
import { timestamp, type IdempotencyRow } from "./schema.ts";

export interface KeyedRequest {
  readonly caller: string;
  readonly key: string;
  readonly operation: string;
  readonly input: Digest;
  readonly server: string;
}

/** How long an answer is kept, in milliseconds, and how many of one caller. */
const keptMs = 86_400_000;
const perCaller = 10_000;

export function idempotencyQueries(db: Database) {
  const one = ({ caller, key }: Pick<KeyedRequest, "caller" | "key">) =>
    db.sql.selectFrom("idempotency").selectAll().where("caller", "=", caller).where("key", "=", key);
  return {
    /** Takes a keyed request on. `known` where its key was used before; `full` where its caller has too many that are younger than a day. */
    beginKeyed: async (
      request: KeyedRequest,
    ): Promise<{ kind: "begun" } | { kind: "known"; row: IdempotencyRow } | { kind: "full" }> => {
      const now = db.clock.now();
      await db.sql
        .deleteFrom("idempotency")
        .where("createdAt", "<=", at(now - keptMs))
        .execute();
      const { count } = await db.sql
        .selectFrom("idempotency")
        .select((row) => row.fn.countAll<number | string>().as("count"))
        .where("caller", "=", request.caller)
        .executeTakeFirstOrThrow();
      const known = await one(request).executeTakeFirst();
      if (known !== undefined) return { kind: "known", row: known };
      if (Number(count) >= perCaller) return { kind: "full" };
      const { numInsertedOrUpdatedRows = 0n } = await db.sql
        .insertInto("idempotency")
        .values({ ...request, state: "begun", status: null, answer: null, createdAt: timestamp(now) })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (numInsertedOrUpdatedRows > 0n) return { kind: "begun" };
      // Somebody was quicker by a moment.
      return { kind: "known", row: await one(request).executeTakeFirstOrThrow() };
    },

    /** Keeps what was answered; without an answer, only that it was done. */
    saveKeyedAnswer: async (
      { caller, key }: Pick<KeyedRequest, "caller" | "key">,
      answered: { readonly status: number; readonly answer: string | null },
    ): Promise<void> => {
      await db.sql
        .updateTable("idempotency")
        .set({ ...answered, state: answered.answer === null ? "done" : "answered" })
        .where("caller", "=", caller)
        .where("key", "=", key)
        .execute();
    },

    /** Forgets a request that failed: it may be asked again under its key. */
    forgetKeyed: async ({ caller, key }: Pick<KeyedRequest, "caller" | "key">): Promise<void> => {
      await db.sql.deleteFrom("idempotency").where("caller", "=", caller).where("key", "=", key).execute();
    },
  };
}
