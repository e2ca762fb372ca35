import type { ImageName } from "../../core/plan/index.ts";
import type { Database } from "./database.ts";
import { json, timestamp, type Detail, type Image } from "./schema.ts";

/** An image as the configuration declares it. */
export interface DeclaredImage {
  readonly name: ImageName;
  readonly repository: string;
  readonly definition: Detail;
  readonly recipeKey: string;
  readonly parents: readonly ImageName[];
}

export function imageQueries(db: Database) {
  return {
    /** Makes the declared images be these: those that are no longer among them are retired, and keep their history. */
    saveImages: (images: readonly DeclaredImage[]): Promise<void> =>
      db.write(async ({ sql }) => {
        const names = images.map((image) => image.name);
        for (let start = 0; start < images.length; start += 1000) {
          const rows = images.slice(start, start + 1000).map((image) => ({
            ...image,
            definition: json(image.definition),
            parents: json(image.parents),
            retiredAt: null,
          }));
          await sql
            .insertInto("image")
            .values(rows)
            .onConflict((conflict) =>
              conflict.column("name").doUpdateSet((row) => ({
                repository: row.ref("excluded.repository"),
                definition: row.ref("excluded.definition"),
                recipeKey: row.ref("excluded.recipeKey"),
                parents: row.ref("excluded.parents"),
                retiredAt: null,
              })),
            )
            .execute();
        }
        await sql
          .updateTable("image")
          .set({ retiredAt: timestamp(db.clock.now()) })
          .where("retiredAt", "is", null)
          .where((row) => row.not(row("name", "=", row.fn.any(row.val(names)))))
          .execute();
      }),

    /** The declared images by name; with `retired` also those that were declared once. */
    loadImages: (options: { readonly retired?: boolean } = {}): Promise<Image[]> => {
      const query = db.sql.selectFrom("image").selectAll().orderBy("name");
      return (options.retired === true ? query : query.where("retiredAt", "is", null)).execute();
    },

    loadImage: (name: ImageName): Promise<Image | undefined> =>
      db.sql.selectFrom("image").selectAll().where("name", "=", name).executeTakeFirst(),
  };
}
