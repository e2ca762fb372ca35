import { sql as fragment } from "kysely";
import type { Database } from "./database.ts";
import type { AccountAllocation } from "./schema.ts";

/** Any number: processes that allocate in one PostgreSQL take turns by it, or two names could get one number. */
const lockKey = 7_436_003;

export function accountAllocationQueries(db: Database) {
  return {
    /**
     * The numbers of `names`: those that were given once never change, a new name gets the lowest free number from
     * `first` to `last`, in order of name. Group and user have the same number.
     */
    saveAccountAllocations: (
      names: readonly string[],
      range: { readonly first: number; readonly last: number },
    ): Promise<AccountAllocation[]> =>
      db.write(async ({ sql, audit }) => {
        await fragment`select pg_advisory_xact_lock(${fragment.lit(lockKey)})`.execute(sql);
        const known = await sql.selectFrom("accountAllocation").selectAll().execute();
        const taken = new Set(known.flatMap((account) => [account.uid, account.gid]));
        const byName = new Map(known.map((account) => [account.name, account]));
        const accounts: AccountAllocation[] = [];
        let next = range.first;
        for (const name of [...new Set(names)].sort()) {
          if (byName.has(name)) continue;
          while (taken.has(next)) next += 1;
          if (next > range.last) break;
          taken.add(next);
          const account = { name, uid: next, gid: next };
          accounts.push(account);
          byName.set(name, account);
        }
        if (accounts.length > 0) {
          await sql.insertInto("accountAllocation").values(accounts).execute();
          await audit("tidemill", "accounts-allocated", { accounts });
        }
        return names.flatMap((name) => byName.get(name) ?? []);
      }),

    loadAccountAllocations: (): Promise<AccountAllocation[]> =>
      db.sql.selectFrom("accountAllocation").selectAll().orderBy("name").execute(),
  };
}
