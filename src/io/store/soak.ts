import type { EnvironmentName, ImageName } from "../../core/plan/index.ts";
import type { Database } from "./database.ts";
import { json, type Detail, type Soak } from "./schema.ts";

export function soakQueries(db: Database) {
  return {
    /**
     * Changes what is known of the soak of what an environment names now: `change` is given what is known of this promotion, nothing at first. Undefined where the pointer has moved on:
     * then nothing is changed.
     */
    saveSoak: (
      pointer: { readonly image: ImageName; readonly environment: EnvironmentName; readonly promotion: string },
      change: (before: Soak | undefined) => { readonly stoodMs: number; readonly detail: Detail },
    ): Promise<Soak | undefined> =>
      db.write(async ({ sql }) => {
        const { image, environment, promotion } = pointer;
        const current = await sql
          .selectFrom("pointer")
          .select("promotion")
          .where("image", "=", image)
          .where("environment", "=", environment)
          .forUpdate()
          .executeTakeFirst();
        if (current?.promotion !== promotion) return undefined;
        const before = await sql
          .selectFrom("soak")
          .selectAll()
          .where("image", "=", image)
          .where("environment", "=", environment)
          .executeTakeFirst();
        const { stoodMs, detail } = change(before?.promotion === promotion ? before : undefined);
        const fields = { promotion, stoodMs: Math.round(stoodMs), detail: json(detail) };
        return sql
          .insertInto("soak")
          .values({ image, environment, ...fields })
          .onConflict((conflict) => conflict.columns(["image", "environment"]).doUpdateSet(fields))
          .returningAll()
          .executeTakeFirstOrThrow();
      }),

    loadSoaks: (image?: ImageName): Promise<Soak[]> => {
      const query = db.sql.selectFrom("soak").selectAll().orderBy("image").orderBy("environment");
      return (image === undefined ? query : query.where("image", "=", image)).execute();
    },
  };
}
