import type { Database } from "./database.ts";
import { json } from "./schema.ts";

export function settingQueries(db: Database) {
  return {
    /** A small value that is kept under a name; its reader checks its shape. */
    loadSetting: async (key: string): Promise<unknown> => {
      const row = await db.sql.selectFrom("setting").select("value").where("key", "=", key).executeTakeFirst();
      return row?.value;
    },

    saveSetting: async (key: string, value: unknown): Promise<void> => {
      await db.sql
        .insertInto("setting")
        .values({ key, value: json(value) })
        .onConflict((conflict) => conflict.column("key").doUpdateSet({ value: json(value) }))
        .execute();
    },
  };
}
