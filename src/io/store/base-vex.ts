import { sql as fragment } from "kysely";
import type { VexStatement } from "../../core/advisory/index.ts";
import { canonicalJson, type Digest, type Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { json, timestamp } from "./schema.ts";

/** What the owner of a base says of one of its digests. */
export interface BaseVex {
  readonly base: string;
  readonly digest: Digest;
  /** The digest, and those of its platforms. */
  readonly digests: readonly Digest[];
  /** Each by somebody whom the base's `signature:` trusts. */
  readonly statements: readonly VexStatement[];
  readonly problems: readonly string[];
  readonly askedAt: Instant;
}

/** Digests of one base of which it is remembered. */
const digestsKept = 20;

export function baseVexQueries(db: Database) {
  return {
    /** Puts down what is said now of a digest of a base, in place of what was; of each base the newest twenty digests are kept. */
    saveBaseVex: ({ base, digest, digests, statements, problems }: Omit<BaseVex, "askedAt">): Promise<void> =>
      db.write(async ({ sql, audit }) => {
        const before = await sql
          .selectFrom("baseVex")
          .select("statements")
          .where("base", "=", base)
          .where("digest", "=", digest)
          .executeTakeFirst();
        if (canonicalJson(before?.statements ?? []) !== canonicalJson(statements)) {
          const authors = [...new Set(statements.map(({ author }) => author))];
          await audit("tidemill", "base-vex", { base, digest, statements: statements.length, authors });
        }
        const said = {
          digests: json(digests),
          statements: json(statements),
          problems: json(problems),
          askedAt: timestamp(db.clock.now()),
        };
        await sql
          .insertInto("baseVex")
          .values({ base, digest, ...said })
          .onConflict((conflict) => conflict.columns(["base", "digest"]).doUpdateSet(said))
          .execute();
        await fragment`
          delete from base_vex where base = ${base} and digest not in (
            select digest from base_vex where base = ${base} order by asked_at desc, digest limit ${digestsKept})`.execute(
          sql,
        );
      }),

    /** When the owner of a base was last asked of a digest, and what was wrong with what it said; undefined where it never was. */
    loadBaseVexAsked: (base: string, digest: Digest): Promise<Pick<BaseVex, "askedAt" | "problems"> | undefined> =>
      db.sql
        .selectFrom("baseVex")
        .select(["askedAt", "problems"])
        .where("base", "=", base)
        .where("digest", "=", digest)
        .executeTakeFirst(),

    /** What is said of all bases, by name and the newest first. */
    loadBaseVex: (): Promise<BaseVex[]> =>
      db.sql.selectFrom("baseVex").selectAll().orderBy("base").orderBy("askedAt", "desc").orderBy("digest").execute(),
  };
}
