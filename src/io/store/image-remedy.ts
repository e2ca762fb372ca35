import type { ImageName } from "../../core/plan/index.ts";
import type { Database } from "./database.ts";
import { json, timestamp, type ImageRemedy } from "./schema.ts";

const stride = 500;

export function imageRemedyQueries(db: Database) {
  return {
    /** What is wrong with these images, and no others, from now on. */
    saveImageRemedies: (rows: readonly Omit<ImageRemedy, "at">[]): Promise<void> =>
      db.write(async ({ sql }) => {
        const at = timestamp(db.clock.now());
        for (let from = 0; from < rows.length; from += stride) {
          await sql
            .insertInto("imageRemedy")
            .values(
              rows
                .slice(from, from + stride)
                .map(({ reasons, cures, ...row }) => ({ ...row, at, reasons: json(reasons), cures: json(cures) })),
            )
            .onConflict((conflict) =>
              conflict.column("image").doUpdateSet((row) => ({
                digest: row.ref("excluded.digest"),
                at: row.ref("excluded.at"),
                state: row.ref("excluded.state"),
                reasons: row.ref("excluded.reasons"),
                cures: row.ref("excluded.cures"),
              })),
            )
            .execute();
        }
        await sql
          .deleteFrom("imageRemedy")
          .where((row) => row.not(row("image", "=", row.fn.any(row.val(rows.map(({ image }) => image))))))
          .execute();
      }),

    /** What the newest pass found wrong, by image; of one image where it is named. */
    loadImageRemedies: (image?: ImageName): Promise<ImageRemedy[]> => {
      const query = db.sql.selectFrom("imageRemedy").selectAll().orderBy("image");
      return (image === undefined ? query : query.where("image", "=", image)).execute();
    },
  };
}
