import type { Digest, Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { at } from "./lease.ts";
import { json, timestamp, type SessionRow } from "./schema.ts";

/** A session as it begins. `hash` is the sha256 of what the browser sends, which is kept nowhere. */
export interface NewSession {
  readonly id: string;
  readonly hash: Digest;
  readonly name: string;
  readonly subject: string;
  readonly roles: readonly string[];
  readonly labels: readonly string[];
  /** Of the rules that gave these rights. */
  readonly rules: Digest;
  readonly expiresAt: Instant;
}

/** A use is noted this often, in milliseconds: not every request has to write. */
const notedEveryMs = 60_000;
/** How many of one person stand at once, and how long those that ended are kept, in milliseconds. */
const perPerson = 20;
const keptMs = 7 * 86_400_000;

export function sessionQueries(db: Database) {
  return {
    /** Begins a session, and ends that of `before`, if it is of the same browser. Of too many of one person the oldest end. */
    saveSession: (session: NewSession, before: Digest | undefined): Promise<void> =>
      db.write(async ({ sql, audit }) => {
        const now = db.clock.now();
        const ended = { endedAt: timestamp(now), endedBy: session.name };
        await sql
          .deleteFrom("session")
          .where("expiresAt", "<=", at(now - keptMs))
          .execute();
        if (before !== undefined)
          await sql.updateTable("session").set(ended).where("hash", "=", before).where("endedAt", "is", null).execute();
        const kept = sql
          .selectFrom("session")
          .select("id")
          .where("subject", "=", session.subject)
          .where("endedAt", "is", null)
          .orderBy("createdAt", "desc")
          .orderBy("id")
          .limit(perPerson - 1);
        await sql
          .updateTable("session")
          .set(ended)
          .where("subject", "=", session.subject)
          .where("endedAt", "is", null)
          .where("id", "not in", kept)
          .execute();
        const times = {
          createdAt: timestamp(now),
          lastUsedAt: timestamp(now),
          expiresAt: timestamp(session.expiresAt),
        };
        await sql
          .insertInto("session")
          .values({
            ...session,
            ...times,
            roles: json(session.roles),
            labels: json(session.labels),
            endedAt: null,
            endedBy: null,
          })
          .execute();
        const { hash: _hash, rules: _rules, ...told } = session;
        await audit(session.name, "logged-in", told);
      }),

    loadSession: (hash: Digest): Promise<SessionRow | undefined> =>
      db.sql.selectFrom("session").selectAll().where("hash", "=", hash).executeTakeFirst(),

    /** Sessions that stand, the newest first, at most ten thousand. */
    loadSessions: (): Promise<SessionRow[]> =>
      db.sql
        .selectFrom("session")
        .selectAll()
        .where("endedAt", "is", null)
        .where("expiresAt", ">", at(db.clock.now()))
        .orderBy("createdAt", "desc")
        .orderBy("id")
        .limit(10_000)
        .execute(),

    /** Notes that a session was used, at most once a minute. */
    saveSessionUsed: async ({ id, lastUsedAt }: Pick<SessionRow, "id" | "lastUsedAt">): Promise<void> => {
      const now = db.clock.now();
      if (now - lastUsedAt < notedEveryMs) return;
      await db.sql
        .updateTable("session")
        .set({ lastUsedAt: timestamp(now) })
        .where("id", "=", id)
        .execute();
    },

    /** Ends the sessions that stand of `of`: one by its id, or all of a person by its name. Gives those that ended. */
    saveSessionsEnded: (of: string, { who, reason }: { readonly who: string; readonly reason: string }) =>
      db.write(async ({ sql, audit }): Promise<SessionRow[]> => {
        const rows = await sql
          .updateTable("session")
          .set({ endedAt: timestamp(db.clock.now()), endedBy: who })
          .where("endedAt", "is", null)
          .where((session) => session.or([session("id", "=", of), session("name", "=", of)]))
          .returningAll()
          .execute();
        for (const { id, name } of rows) await audit(who, "session-ended", { id, name, reason });
        return rows;
      }),
  };
}
