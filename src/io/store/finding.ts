import { sql as fragment, type Transaction } from "kysely";
import {
  planFindingChanges,
  type Finding,
  type FindingChange,
  type FindingDetail,
  type HeldFinding,
  type OpenFinding,
  type Placement,
  type UnitEntry,
} from "../../core/advisory/index.ts";
import type { EnvironmentName, ImageName } from "../../core/plan/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { matchLock } from "./package.ts";
import { json, timestamp, type Tables } from "./schema.ts";

/** What was found of a package. */
export interface MatchedPackage {
  readonly id: number;
  readonly findings: readonly Finding[];
  /** Whether a feed speaks of where it comes from. */
  readonly isCovered: boolean;
  /** Ids of advisories about it that were taken back. */
  readonly withdrawn: ReadonlySet<string>;
}

/** How many findings began, changed and ended. */
export interface FindingCounts {
  readonly opened: number;
  readonly updated: number;
  readonly ended: number;
}

/** What one writing of findings did. */
export interface SavedMatches extends FindingCounts {
  /** The first of those that opened. */
  readonly news: readonly { readonly advisory: string; readonly package: number }[];
}

/** An environment that runs something with a finding. */
export interface AffectedPlace {
  readonly image: ImageName;
  readonly environment: EnvironmentName;
  readonly digest: Digest;
}

export interface HoldingPlace extends AffectedPlace {
  readonly since: Instant;
  /** By platform. */
  readonly inventories: Readonly<Record<string, Digest>>;
}

/** The facts that the lives of findings in one environment follow from. */
export interface EnvironmentHistory {
  readonly environment: EnvironmentName;
  readonly placements: readonly (Placement & { readonly digest: Digest })[];
}

/** A digest with a package that was published to do harm. */
export interface MaliciousHolding {
  readonly image: ImageName;
  readonly digest: Digest;
  /** Key of the inventory that holds it. */
  readonly inventory: Digest;
  readonly advisory: string;
  readonly detail: FindingDetail;
  readonly entry: UnitEntry;
}

const mostNews = 100;
const mostMalicious = 10_000;

export function findingQueries(db: Database) {
  return {
    /** Writes down what was found of these packages: what is new opens, what is gone ends, all else goes on. The same again changes nothing. */
    saveMatches: (matched: readonly MatchedPackage[]): Promise<SavedMatches> =>
      db.write(async ({ sql }) => {
        await fragment`select pg_advisory_xact_lock(${matchLock})`.execute(sql);
        const now = db.clock.now();
        const ids = matched.map(({ id }) => id);
        const open = await loadOpen(sql, ids);
        const changes = matched.flatMap((one) =>
          planFindingChanges(open.get(one.id) ?? [], one, now).map((change) => ({ package: one.id, change })),
        );
        await applyChanges(sql, changes, now);
        await fragment`update package set matched = true where id = any(${ids}::int[]) and not matched`.execute(sql);
        const count = (kind: FindingChange["kind"]): number =>
          changes.filter(({ change }) => change.kind === kind).length;
        const news = changes.flatMap(({ package: id, change }) =>
          change.kind === "opened" ? [{ advisory: change.finding.advisory, package: id }] : [],
        );
        return {
          opened: news.length,
          updated: count("updated"),
          ended: count("ended"),
          news: news.slice(0, mostNews),
        };
      }),

    /** Every environment that runs something that an advisory touches now; by any id that readers know it by. Sorted by image and environment. */
    loadAffected: async (advisory: string): Promise<AffectedPlace[]> => {
      const { rows } = await fragment<{ packages: number[] }>`
        select coalesce(array_agg(distinct package), '{}') as packages
          from finding
         where ended_at is null and (advisory = ${advisory} or ((detail -> 'aliases') || (detail -> 'upstream')) ? ${advisory})`.execute(
        db.sql,
      );
      return loadHolders(db, rows[0]?.packages ?? []);
    },

    /** Every digest that holds a package that an advisory calls malicious, whatever names it. */
    loadMalicious: async (): Promise<MaliciousHolding[]> => {
      const { rows } = await fragment<MaliciousHolding>`
        select d.image, d.digest, i.inventory, f.advisory, f.detail, p.entry
          from finding f join package p on p.id = f.package
          join inventory_package i on i.packages && array[f.package]
          join image_digest d on jsonb_path_query_array(d.inventories, '$.*') ? i.inventory
         where f.ended_at is null and f.state = 'affected' and (f.detail -> 'malicious') = 'true'::jsonb
         order by d.image, d.created_at, d.digest, f.advisory
         limit ${mostMalicious}`.execute(db.sql);
      return rows;
    },

    /** Keys of the inventories that hold one of these packages. */
    loadInventoriesHolding: async (packages: readonly number[]): Promise<string[]> => {
      // As one text: a row for each of ten thousand takes longer than finding them.
      const { rows } = await fragment<{ keys: string | null }>`
        select string_agg(inventory, ' ') as keys from inventory_package where packages && ${[...packages]}::int[]`.execute(
        db.sql,
      );
      return rows[0]?.keys?.split(" ") ?? [];
    },

    /** What environments name, with its inventories, of all that were moved at `since` or later; and when the newest of all was. */
    loadPlaces: async (
      since: Instant,
    ): Promise<{ readonly places: readonly HoldingPlace[]; readonly newest: Instant }> => {
      const { rows: last } = await fragment<{ newest: Instant | null }>`
        select max(since) as newest from pointer`.execute(db.sql);
      const { rows } = await fragment<HoldingPlace>`
        select p.image, p.environment, p.digest, p.since, d.inventories
          from pointer p join image_digest d on d.image = p.image and d.digest = p.digest
         where p.since >= ${timestamp(since)}::timestamptz`.execute(db.sql);
      return { places: rows, newest: last[0]?.newest ?? 0 };
    },

    /** What the findings of an image follow from: what its environments named and name, and the findings of all packages of that. */
    loadFindingHistory: async (
      image: ImageName,
    ): Promise<{
      readonly environments: readonly EnvironmentHistory[];
      readonly findings: readonly (HeldFinding & {
        readonly state: Finding["state"];
        readonly detail: FindingDetail;
      })[];
      readonly known: ReadonlySet<string>;
    }> => {
      const { rows: placed } = await fragment<PlacedRow>`
        select p.environment, p.digest, p.since, p.until, p.replaced_by as "replacedBy",
               coalesce((select d.inventories from image_digest d where d.image = p.image and d.digest = p.digest), '{}') as inventories
          from placement p where p.image = ${image} order by p.environment, p.since`.execute(db.sql);
      const keys = [...new Set(placed.flatMap(({ inventories }) => Object.values(inventories)))];
      const { rows: findings } = await fragment<HeldRow>`
        select f.advisory, p.entry ->> 'name' as package, f.state, f.fixed, f.detail, f.first_seen as "firstSeen",
               f.fixed_since as "fixedSince", f.ended_at as "endedAt", f.end_kind as "endKind", h.inventories
          from (select id, array_agg(inventory) as inventories
                  from inventory_package, unnest(packages) as id
                 where inventory = any(${keys}::text[]) group by id) h
          join finding f on f.package = h.id join package p on p.id = h.id`.execute(db.sql);
      const { rows: known } = await fragment<{ key: string }>`
        select i.key from inventory i join inventory_package h on h.inventory = i.key
         where i.key = any(${keys}::text[]) and i.status = 'complete'
           and not exists (select 1 from package p where p.id = any(h.packages) and not p.matched)`.execute(db.sql);
      const environments = Map.groupBy(placed, ({ environment }) => environment);
      return {
        environments: [...environments].map(([environment, rows]) => ({
          environment,
          placements: rows.map(({ digest, since, until, replacedBy, inventories }) => ({
            digest,
            since,
            until: until ?? undefined,
            replacedBy: replacedBy ?? undefined,
            inventories: Object.values(inventories),
          })),
        })),
        findings: findings.map(({ fixedSince, endedAt, endKind, ...row }) => ({
          ...row,
          fixedSince: fixedSince ?? undefined,
          endedAt: endedAt ?? undefined,
          endKind: endKind ?? undefined,
        })),
        known: new Set(known.map(({ key }) => key)),
      };
    },
  };
}

async function loadHolders(db: Database, packages: readonly number[]): Promise<AffectedPlace[]> {
  if (packages.length === 0) return [];
  const { rows } = await fragment<AffectedPlace>`
    select p.image, p.environment, p.digest
      from image_digest d join pointer p on p.image = d.image and p.digest = d.digest
     where jsonb_path_query_array(d.inventories, '$.*') ?| coalesce(
             (select array_agg(inventory) from inventory_package where packages && ${[...packages]}::int[]), '{}')
     order by 1, 2`.execute(db.sql);
  return rows;
}

interface PlacedRow {
  readonly environment: EnvironmentName;
  readonly digest: Digest;
  readonly since: Instant;
  readonly until: Instant | null;
  readonly replacedBy: string | null;
  readonly inventories: Readonly<Record<string, string>>;
}

interface HeldRow {
  readonly advisory: string;
  readonly package: string;
  readonly state: Finding["state"];
  readonly detail: FindingDetail;
  readonly firstSeen: Instant;
  readonly fixedSince: Instant | null;
  readonly endedAt: Instant | null;
  readonly endKind: "withdrawn" | "changed" | null;
  readonly inventories: readonly string[];
}

async function loadOpen(sql: Transaction<Tables>, ids: readonly number[]): Promise<Map<number, OpenFinding[]>> {
  const { rows } = await fragment<OpenFinding & { readonly package: number }>`
    select package, advisory, state, fixed, detail, first_seen as "firstSeen", fixed_since as "fixedSince"
      from finding where package = any(${[...ids]}::int[]) and ended_at is null`.execute(sql);
  const open = new Map<number, OpenFinding[]>();
  for (const { package: id, ...finding } of rows) {
    const list = open.get(id);
    if (list === undefined) open.set(id, [finding]);
    else list.push(finding);
  }
  return open;
}

async function applyChanges(
  sql: Transaction<Tables>,
  changes: readonly { readonly package: number; readonly change: FindingChange }[],
  now: Instant,
): Promise<void> {
  const ended = changes.flatMap(({ package: id, change }) =>
    change.kind === "ended" ? [{ package: id, advisory: change.advisory, end_kind: change.end }] : [],
  );
  if (ended.length > 0)
    await fragment`
      update finding f set ended_at = ${timestamp(now)}::timestamptz, end_kind = r.end_kind
        from jsonb_to_recordset(${json(ended)}::jsonb) as r(package int, advisory text, end_kind text)
       where f.package = r.package and f.advisory = r.advisory and f.ended_at is null`.execute(sql);
  const updated = changes.flatMap(({ package: id, change }) =>
    change.kind === "updated" ? [{ was: change.was, ...rowOf(id, change.finding) }] : [],
  );
  if (updated.length > 0)
    await fragment`
      update finding f set advisory = r.advisory, state = r.state, fixed = r.fixed, detail = r.detail, fixed_since = r.fixed_since
        from jsonb_to_recordset(${json(updated)}::jsonb)
             as r(package int, was text, advisory text, state text, fixed text, detail jsonb, fixed_since timestamptz)
       where f.package = r.package and f.advisory = r.was and f.ended_at is null`.execute(sql);
  const opened = changes.flatMap(({ package: id, change }) =>
    change.kind === "opened" ? [rowOf(id, change.finding)] : [],
  );
  if (opened.length > 0)
    await fragment`
      insert into finding (package, advisory, state, fixed, detail, first_seen, fixed_since)
      select package, advisory, state, fixed, detail, first_seen, fixed_since
        from jsonb_to_recordset(${json(opened)}::jsonb)
             as r(package int, advisory text, state text, fixed text, detail jsonb, first_seen timestamptz, fixed_since timestamptz)
      on conflict (package, advisory, first_seen) do update set ended_at = null, end_kind = null`.execute(sql);
}

function rowOf(id: number, { advisory, state, fixed, detail, firstSeen, fixedSince }: OpenFinding) {
  return {
    package: id,
    advisory,
    state,
    fixed,
    detail,
    first_seen: timestamp(firstSeen),
    fixed_since: fixedSince === null ? null : timestamp(fixedSince),
  };
}
