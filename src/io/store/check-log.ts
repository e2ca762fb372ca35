import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { sql as fragment } from "kysely";
import type { Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { at } from "./lease.ts";
import { timestamp } from "./schema.ts";

/** What a check said. */
export interface CheckLog {
  readonly at: Instant;
  readonly text: string;
}

const pack = promisify(gzip);
const unpack = promisify(gunzip);
const maxText = 16 * 1_048_576;
/** Verifications of an image whose logs stay, the newest. */
const mostVerifications = 20;
/** Milliseconds after which a log goes, whatever it is of. */
const oldest = 90 * 24 * 60 * 60_000;

export function checkLogQueries(db: Database) {
  return {
    /** Keeps what the checks of a verification said, in place of what they said before. Logs of its image's verifications before the newest twenty go, and so do those older than ninety days. */
    saveCheckLogs: async (
      verification: string,
      logs: readonly { readonly name: string; readonly text: string }[],
    ): Promise<void> => {
      const packed = await Promise.all(
        logs.map(async ({ name, text }) => ({ name, packed: (await pack(text)).toString("base64") })),
      );
      await db.write(async ({ sql }) => {
        const now = db.clock.now();
        for (const one of packed) {
          const row = { at: timestamp(now), packed: one.packed };
          await sql
            .insertInto("checkLog")
            .values({ verification, name: one.name, ...row })
            .onConflict((conflict) => conflict.columns(["verification", "name"]).doUpdateSet(row))
            .execute();
        }
        await sql
          .deleteFrom("checkLog")
          .where((row) =>
            row.or([
              row("at", "<", at(now - oldest)),
              fragment<boolean>`verification in (
                select old.id from verification old where old.image = (select image from verification where id = ${verification})
                order by old.started_at desc offset ${mostVerifications})`,
            ]),
          )
          .execute();
      });
    },

    loadCheckLog: async (verification: string, name: string): Promise<CheckLog | undefined> => {
      const row = await db.sql
        .selectFrom("checkLog")
        .selectAll()
        .where("verification", "=", verification)
        .where("name", "=", name)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const text = await unpack(Buffer.from(row.packed, "base64"), { maxOutputLength: maxText });
      return { at: row.at, text: text.toString("utf8") };
    },
  };
}
