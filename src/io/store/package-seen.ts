import type { Database } from "./database.ts";
import { timestamp, type PackageSeen } from "./schema.ts";

export function packageSeenQueries(db: Database) {
  return {
    /** Notes when versions were first seen; one that is noted keeps its time. Resolves to all of `seen` as they stand. */
    savePackagesSeen: (seen: readonly PackageSeen[]): Promise<PackageSeen[]> =>
      db.write(async ({ sql }) => {
        const rows: PackageSeen[] = [];
        for (let start = 0; start < seen.length; start += 1000) {
          const some = seen.slice(start, start + 1000);
          await sql
            .insertInto("packageSeen")
            .values(some.map((one) => ({ ...one, firstSeen: timestamp(one.firstSeen) })))
            .onConflict((conflict) => conflict.columns(["upstream", "name", "architecture", "version"]).doNothing())
            .execute();
          const found = await sql
            .selectFrom("packageSeen")
            .selectAll()
            .where((row) =>
              row(
                row.refTuple("upstream", "name", "architecture", "version"),
                "in",
                some.map((one) => row.tuple(one.upstream, one.name, one.architecture, one.version)),
              ),
            )
            .execute();
          rows.push(...found);
        }
        return rows;
      }),

    /** First-seen times; of one upstream, or of some names, where they are given. */
    loadPackagesSeen: (
      options: { readonly upstream?: string; readonly names?: readonly string[] } = {},
    ): Promise<PackageSeen[]> => {
      let query = db.sql.selectFrom("packageSeen").selectAll();
      if (options.upstream !== undefined) query = query.where("upstream", "=", options.upstream);
      const { names } = options;
      if (names !== undefined) query = query.where((row) => row("name", "=", row.fn.any(row.val([...names]))));
      return query.execute();
    },
  };
}
