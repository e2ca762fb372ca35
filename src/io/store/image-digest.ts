import type { ImageName } from "../../core/plan/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import type { ImageDigest } from "./schema.ts";

export function imageDigestQueries(db: Database) {
  return {
    /** The digests of an image, newest first. */
    loadImageDigests: (image: ImageName, limit = 1000): Promise<ImageDigest[]> =>
      db.sql
        .selectFrom("imageDigest")
        .selectAll()
        .where("image", "=", image)
        .orderBy("createdAt", "desc")
        .limit(limit)
        .execute(),

    loadImageDigest: (image: ImageName, digest: Digest): Promise<ImageDigest | undefined> =>
      db.sql
        .selectFrom("imageDigest")
        .selectAll()
        .where("image", "=", image)
        .where("digest", "=", digest)
        .executeTakeFirst(),

    /** What these digests are, whichever image they were made for: what a plan compares with. */
    loadDigests: (digests: readonly Digest[]): Promise<ImageDigest[]> =>
      db.sql
        .selectFrom("imageDigest")
        .selectAll()
        .where((row) => row("digest", "=", row.fn.any(row.val([...new Set(digests)]))))
        .execute(),
  };
}
