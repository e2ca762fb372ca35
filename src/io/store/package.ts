import { sql as fragment } from "kysely";
import type { AdvisoryKey, MatchSystem, MatchUnit, UnitEntry } from "../../core/advisory/index.ts";
import { canonicalJson, sha256, type Digest } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { json } from "./schema.ts";

/** A package as it is matched, once for all inventories that hold it. */
export interface MatchPackage {
  readonly id: number;
  readonly system: MatchSystem;
  readonly entry: UnitEntry;
}

/** An inventory whose packages are to be told apart. */
export interface UnindexedInventory {
  readonly key: Digest;
  /** The ecosystem that its packages come from, where it does not say its release and that was known. */
  readonly madeFrom: string | undefined;
  /** One of the images that hold it, where only that tells; undefined where none does any more. */
  readonly image: string | undefined;
}

/** Any number: processes that write packages and findings in one PostgreSQL take turns by it. */
export const matchLock = 7_436_003;

export function packageQueries(db: Database) {
  return {
    /** Inventories of which the packages are not known by themselves yet, at most `limit`. */
    loadUnindexedInventories: async (limit: number): Promise<UnindexedInventory[]> => {
      const { rows } = await fragment<{ key: Digest; madeFrom: string | null; image: string | null }>`
        select i.key, i.made_from as "madeFrom", (select d.image from image_digest d
                        where i.os = 'null'::jsonb and i.made_from is null and jsonb_path_query_array(d.inventories, '$.*') ? i.key limit 1) as image
          from inventory i where not exists (select 1 from inventory_package p where p.inventory = i.key)
         order by i.key limit ${limit}`.execute(db.sql);
      return rows.map(({ key, madeFrom, image }) => ({
        key,
        madeFrom: madeFrom ?? undefined,
        image: image ?? undefined,
      }));
    },

    /** Writes down which packages inventories hold; those that are not known yet are to be matched. */
    saveInventoryPackages: (
      inventories: readonly { readonly key: Digest; readonly units: readonly MatchUnit[] }[],
    ): Promise<void> =>
      db.write(async ({ sql }) => {
        const units = new Map(inventories.flatMap((one) => one.units.map((unit) => [unit.key, unit])));
        const systems = new Map([...units.values()].map(({ system }) => [systemKey(system), system]));
        await fragment`select pg_advisory_xact_lock(${matchLock})`.execute(sql);
        await fragment`
          insert into package_system (id, key, os, made_from)
          select (select coalesce(max(id), 0) from package_system) + row_number() over (), r.key, r.os, r.made_from
            from jsonb_to_recordset(${json([...systems].map(([key, { os, madeFrom }]) => ({ key, os: os ?? null, made_from: madeFrom ?? null })))}::jsonb)
                 as r(key text, os jsonb, made_from text)
           where not exists (select 1 from package_system s where s.key = r.key)`.execute(sql);
        const rows = [...units.values()].map(({ key, system, entry, keys }) => ({
          key,
          system: systemKey(system),
          entry,
          keys,
        }));
        const { rows: added } = await fragment<{ id: number; key: string }>`
          insert into package (id, key, system, entry)
          select (select coalesce(max(id), 0) from package) + row_number() over (), r.key, s.id, r.entry
            from jsonb_to_recordset(${json(rows.map(({ key, system, entry }) => ({ key, system, entry })))}::jsonb)
                 as r(key text, system text, entry jsonb)
            join package_system s on s.key = r.system
           where not exists (select 1 from package p where p.key = r.key)
          returning id, key`.execute(sql);
        const keys = added.flatMap(({ id, key }) =>
          (units.get(key as Digest)?.keys ?? []).map(({ ecosystem, name }) => ({ ecosystem, name, package: id })),
        );
        await fragment`
          insert into package_key (ecosystem, name, package)
          select ecosystem, name, package
            from jsonb_to_recordset(${json(keys)}::jsonb) as r(ecosystem text, name text, package int)
          on conflict do nothing`.execute(sql);
        const links = inventories.map(({ key, units: held }) => ({ key, packages: held.map((unit) => unit.key) }));
        await fragment`
          insert into inventory_package (inventory, packages)
          select r.key, array(select p.id from jsonb_array_elements_text(r.packages) u join package p on p.key = u order by p.id)
            from jsonb_to_recordset(${json(links)}::jsonb) as r(key text, packages jsonb)
          on conflict do nothing`.execute(sql);
      }),

    /** Packages that were never matched, or those after `after` in the order of their ids. */
    loadMatchPackages: async (
      which: { readonly unmatched: true } | { readonly after: number },
      limit: number,
    ): Promise<MatchPackage[]> => {
      const where = "after" in which ? fragment`p.id > ${which.after}` : fragment`not p.matched`;
      const { rows } = await fragment<PackageRow>`
        select p.id, s.os, s.made_from as "madeFrom", p.entry
          from package p join package_system s on s.id = p.system
         where ${where} order by p.id limit ${limit}`.execute(db.sql);
      return rows.map(packageOf);
    },

    /** Packages that these keys speak of, in any version. */
    loadPackagesOfKeys: async (keys: readonly AdvisoryKey[]): Promise<MatchPackage[]> => {
      const { rows } = await fragment<PackageRow>`
        select p.id, s.os, s.made_from as "madeFrom", p.entry
          from package p join package_system s on s.id = p.system
         where p.id in (select k.package from package_key k
                          join jsonb_to_recordset(${json(keys)}::jsonb) as r(ecosystem text, name text)
                            on r.name = k.name and r.ecosystem = k.ecosystem)
         order by p.id`.execute(db.sql);
      return rows.map(packageOf);
    },
  };
}

interface PackageRow {
  readonly id: number;
  readonly os: MatchSystem["os"] | null;
  readonly madeFrom: string | null;
  readonly entry: UnitEntry;
}

function packageOf({ id, os, madeFrom, entry }: PackageRow): MatchPackage {
  return { id, system: { os: os ?? undefined, madeFrom: madeFrom ?? undefined }, entry };
}

function systemKey({ os, madeFrom }: MatchSystem): string {
  return sha256(canonicalJson({ os: os ?? null, madeFrom: madeFrom ?? null }));
}
