import { sql as fragment } from "kysely";
import type { ImageName } from "../../core/plan/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { timestamp, type EvidenceRow } from "./schema.ts";

/** What tells one piece of evidence from all others. */
export type EvidenceId = Pick<EvidenceRow, "image" | "digest" | "subject" | "predicate" | "scope" | "key">;

const idColumns = ["image", "digest", "subject", "predicate", "scope", "key"] as const;

export function evidenceQueries(db: Database) {
  return {
    /** Keeps what was signed before it is attached. What was kept before stays, and is what comes back: of one thing one signature goes out. */
    saveEvidence: async (id: EvidenceId, bundle: string): Promise<EvidenceRow> =>
      db.write(async ({ sql }) => {
        const { image, digest, subject, predicate, scope, key } = id;
        const own = { image, digest, subject, predicate, scope, key };
        await sql
          .insertInto("evidence")
          .values({ ...own, bundle, createdAt: timestamp(db.clock.now()) })
          .onConflict((conflict) => conflict.columns([...idColumns]).doNothing())
          .execute();
        return sql
          .selectFrom("evidence")
          .selectAll()
          .where((row) => row.and(own))
          .executeTakeFirstOrThrow();
      }),

    /** Puts down that a piece of evidence stands beside its subject as `artifact`; its bundle is kept there from now on. Again is the same. */
    saveEvidenceAttached: (id: EvidenceId, artifact: Digest): Promise<void> =>
      db.write(async ({ sql, audit }) => {
        const { image, digest, subject, predicate, scope, key } = id;
        const own = { image, digest, subject, predicate, scope, key };
        const now = timestamp(db.clock.now());
        const before = await sql
          .selectFrom("evidence")
          .select("artifact")
          .where((row) => row.and(own))
          .executeTakeFirst();
        if (before?.artifact === artifact) return;
        const row = await sql
          .insertInto("evidence")
          .values({ ...own, bundle: null, artifact, createdAt: now, attachedAt: now })
          .onConflict((conflict) =>
            conflict.columns([...idColumns]).doUpdateSet({ bundle: null, artifact, attachedAt: now }),
          )
          .returningAll()
          .executeTakeFirstOrThrow();
        await audit("tidemill", "attested", { ...row });
      }),

    /** Puts down that a signature stands under the tag of a digest: where it was put there now, and where a crash kept that from being put down. */
    saveSigned: (
      signed: { readonly image: ImageName; readonly digest: Digest; readonly name: string; readonly key: string },
      isNew: boolean,
    ): Promise<void> =>
      db.write(async ({ sql, audit }) => {
        const told = isNew
          ? undefined
          : await sql
              .selectFrom("audit")
              .select("seq")
              .where("action", "=", "signed")
              .where(fragment<boolean>`detail ->> 'image' = ${signed.image}`)
              .where(fragment<boolean>`detail ->> 'digest' = ${signed.digest} and detail ->> 'key' = ${signed.key}`)
              .limit(1)
              .executeTakeFirst();
        if (told === undefined) await audit("tidemill", "signed", { ...signed });
      }),

    /** Forgets a piece of evidence that its registry has lost: it is made anew. */
    removeEvidence: (id: EvidenceId): Promise<void> =>
      db.write(async ({ sql, audit }) => {
        const { image, digest, subject, predicate, scope, key } = id;
        const gone = await sql
          .deleteFrom("evidence")
          .where((row) => row.and({ image, digest, subject, predicate, scope, key }))
          .returning(["artifact", "attachedAt"])
          .executeTakeFirst();
        if (gone !== undefined)
          await audit("tidemill", "evidence-lost", { image, digest, subject, predicate, scope, key, ...gone });
      }),

    /** What was signed for a digest of an image, oldest first. */
    loadEvidence: (image: ImageName, digest: Digest): Promise<EvidenceRow[]> =>
      db.sql
        .selectFrom("evidence")
        .selectAll()
        .where("image", "=", image)
        .where("digest", "=", digest)
        .orderBy("createdAt")
        .orderBy("predicate")
        .limit(10_000)
        .execute(),
  };
}
