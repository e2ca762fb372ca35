import type { Digest, Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { at } from "./lease.ts";
import { json, timestamp, type TokenRow } from "./schema.ts";

/** A token as it is put down. `hash` is the sha256 of its secret, which is kept nowhere. */
export interface NewToken {
  readonly id: string;
  readonly name: string;
  readonly hash: Digest;
  readonly person: string | null;
  readonly roles: readonly string[];
  readonly labels: readonly string[];
  readonly expiresAt: Instant;
  readonly who: string;
}

/** A use is noted this often, in milliseconds: not every request has to write. */
const notedEveryMs = 60_000;

export function tokenQueries(db: Database) {
  return {
    /** Keeps a token; undefined where one of that name stands, which an expired one does not. */
    saveToken: ({ who, ...token }: NewToken): Promise<TokenRow | undefined> =>
      db.write(async ({ sql, audit }) => {
        const now = timestamp(db.clock.now());
        // A name is free again once its token has expired.
        await sql
          .updateTable("token")
          .set({ revokedAt: now, revokedBy: "expired" })
          .where("name", "=", token.name)
          .where("revokedAt", "is", null)
          .where("expiresAt", "<=", at(db.clock.now()))
          .execute();
        const row = await sql
          .insertInto("token")
          .values({
            ...token,
            roles: json(token.roles),
            labels: json(token.labels),
            createdAt: now,
            createdBy: who,
            expiresAt: timestamp(token.expiresAt),
          })
          .onConflict((conflict) => conflict.doNothing())
          .returningAll()
          .executeTakeFirst();
        if (row === undefined) return undefined;
        const { hash: _hash, ...told } = row;
        await audit(who, "token-created", told);
        return row;
      }),

    /** Ends a token by its id or the name of one that stands; undefined where there is none to end. */
    saveTokenRevoked: (idOrName: string, { who, reason }: { readonly who: string; readonly reason: string }) =>
      db.write(async ({ sql, audit }): Promise<TokenRow | undefined> => {
        const row = await sql
          .updateTable("token")
          .set({ revokedAt: timestamp(db.clock.now()), revokedBy: who })
          .where("revokedAt", "is", null)
          .where((token) => token.or([token("id", "=", idOrName), token("name", "=", idOrName)]))
          .returningAll()
          .executeTakeFirst();
        if (row !== undefined) await audit(who, "token-revoked", { id: row.id, name: row.name, reason });
        return row;
      }),

    loadToken: (id: string): Promise<TokenRow | undefined> =>
      db.sql.selectFrom("token").selectAll().where("id", "=", id).executeTakeFirst(),

    /** Every token that was ever made, the newest first, at most ten thousand. */
    loadTokens: (): Promise<TokenRow[]> =>
      db.sql.selectFrom("token").selectAll().orderBy("createdAt", "desc").orderBy("id").limit(10_000).execute(),

    /** Notes that a token was used, at most once a minute. */
    saveTokenUsed: async ({ id, lastUsedAt }: Pick<TokenRow, "id" | "lastUsedAt">): Promise<void> => {
      const now = db.clock.now();
      if (lastUsedAt !== null && now - lastUsedAt < notedEveryMs) return;
      await db.sql
        .updateTable("token")
        .set({ lastUsedAt: timestamp(now) })
        .where("id", "=", id)
        .execute();
    },
  };
}
