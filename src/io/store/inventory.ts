import { inventoryKey, type Inventory } from "../../core/inventory/index.ts";
import type { Platform } from "../../core/image/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { json, type Row } from "./schema.ts";

export function inventoryQueries(db: Database) {
  return {
    /** Keeps inventories by what they say; those that say the same share a row. `madeFrom` is the ecosystem of those that do not say their release. Resolves to their keys, in order. */
    saveInventories: async (inventories: readonly Inventory[], madeFrom?: string): Promise<Digest[]> => {
      const keys = inventories.map((one) => inventoryKey(one, madeFrom));
      const byKey = new Map(inventories.map((inventory, at) => [keys[at] as Digest, inventory]));
      if (byKey.size === 0) return keys;
      await db.sql
        .insertInto("inventory")
        .values(
          [...byKey].map(([key, inventory]) => ({
            key,
            platform: platformText(inventory.platform),
            status: inventory.status,
            system: inventory.system,
            os: json(inventory.os ?? null),
            madeFrom: inventory.os === undefined ? (madeFrom ?? null) : null,
            packages: json(inventory.packages),
            problems: json(inventory.problems),
          })),
        )
        .onConflict((conflict) => conflict.column("key").doNothing())
        .execute();
      return keys;
    },

    /** The inventories with these keys; a key that is not known is left out. */
    loadInventories: async (keys: readonly Digest[]): Promise<Map<Digest, Inventory>> => {
      const rows = await db.sql
        .selectFrom("inventory")
        .selectAll()
        .where((row) => row("key", "=", row.fn.any(row.val([...new Set(keys)]))))
        .execute();
      return new Map(rows.map((row) => [row.key, inventoryOf(row)]));
    },

    /** What could not be read, by the key of each inventory of which some part could not. */
    loadUnreadInventories: async (): Promise<Map<Digest, readonly string[]>> => {
      const rows = await db.sql
        .selectFrom("inventory")
        .select(["key", "problems"])
        .where("status", "=", "unknown")
        .orderBy("key")
        .execute();
      return new Map(rows.map(({ key, problems }) => [key, problems]));
    },

    loadInventory: async (key: Digest): Promise<Inventory | undefined> => {
      const row = await db.sql.selectFrom("inventory").selectAll().where("key", "=", key).executeTakeFirst();
      return row && inventoryOf(row);
    },
  };
}

function platformText(platform: Platform): string {
  return [platform.os, platform.architecture, ...(platform.variant === undefined ? [] : [platform.variant])].join("/");
}

function inventoryOf(row: Row<"inventory">): Inventory {
  const [os = "", architecture = "", variant] = row.platform.split("/");
  return {
    platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
    os: row.os ?? undefined,
    packages: row.packages,
    status: row.status,
    system: row.system,
    problems: row.problems,
  };
}
