import { sql as fragment } from "kysely";
import type { PackageRecord } from "../../core/packages/index.ts";
import type { Database } from "./database.ts";
import { json, timestamp } from "./schema.ts";

/** Versions of one package that are remembered: images that are further behind than that cannot keep theirs. */
const versionsKept = 20;
const chunk = 500;

type Key = Pick<PackageRecord, "name" | "architecture" | "version">;

export function packageRecordQueries(db: Database) {
  return {
    /** Remembers what an image was assembled from; what is known already stays as it is. Of each package the newest twenty versions are kept. */
    savePackageRecords: (records: readonly PackageRecord[]): Promise<void> =>
      db.write(async ({ sql }) => {
        const keptAt = timestamp(db.clock.now());
        for (let start = 0; start < records.length; start += chunk) {
          const some = records.slice(start, start + chunk);
          const fresh = await sql
            .insertInto("packageRecord")
            .values(
              some.map((record) => {
                const { name, architecture, version, sha256 } = record;
                return { name, architecture, version, sha256, record: json(record), keptAt };
              }),
            )
            .onConflict((conflict) => conflict.columns(["name", "architecture", "version", "sha256"]).doNothing())
            .returning("name")
            .execute();
          if (fresh.length === 0) continue;
          const names = [...new Set(fresh.map(({ name }) => name))];
          await fragment`
            delete from package_record using (
              select name, architecture, version, sha256,
                     row_number() over (partition by name, architecture order by kept_at desc, version desc) as place
              from package_record where name = any(${names}::text[])
            ) as ranked
            where ranked.place > ${versionsKept}
              and package_record.name = ranked.name and package_record.architecture = ranked.architecture
              and package_record.version = ranked.version and package_record.sha256 = ranked.sha256
          `.execute(sql);
        }
      }),

    /** What is remembered of these packages; of one version more than one record where its content differed. */
    loadPackageRecords: async (keys: readonly Key[]): Promise<PackageRecord[]> => {
      const found: PackageRecord[] = [];
      for (let start = 0; start < keys.length; start += chunk) {
        const some = keys.slice(start, start + chunk);
        const rows = await db.sql
          .selectFrom("packageRecord")
          .select("record")
          .where((row) =>
            row(
              row.refTuple("name", "architecture", "version"),
              "in",
              some.map((one) => row.tuple(one.name, one.architecture, one.version)),
            ),
          )
          .orderBy("keptAt", "desc")
          .orderBy("sha256")
          .execute();
        found.push(...rows.map(({ record }) => record));
      }
      return found;
    },
  };
}
