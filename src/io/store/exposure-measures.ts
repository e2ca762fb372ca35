import { sql as fragment, type Transaction } from "kysely";
import { cellsOfRebuild, type Cell, type CountedCell, type OpenExposures } from "../../core/exposure/index.ts";
import type { EnvironmentName, ImageName } from "../../core/plan/index.ts";
import { canonicalJson, type Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { json, timestamp, type ExposureRebuild, type Tables } from "./schema.ts";

export function exposureMeasureQueries(db: Database) {
  return {
    /** What was counted on these days, both in it (`2026-11-27`), of an environment and of none. */
    loadCells: async (environment: EnvironmentName, from: string, until: string): Promise<CountedCell[]> => {
      // As one text: a hundred thousand rows one by one take longer than counting them.
      const { rows } = await fragment<{ all: string | null }>`
        select json_agg(json_build_array(day, environment, labels, measure, bucket, n))::text as all from exposure_day
         where environment in (${environment}, '') and day >= ${from}::date and day <= ${until}::date and n <> 0`.execute(
        db.sql,
      );
      const cells = JSON.parse(rows[0]?.all ?? "[]") as [string, string, string, string, number, number][];
      return cells.map(([day, place, labels, measure, bucket, n]) => ({
        day,
        environment: place,
        labels,
        measure,
        bucket,
        n,
      }));
    },

    /** How many were opened and closed before a day, by labels: what stood open at its beginning. */
    loadOpenBefore: async (environment: EnvironmentName, day: string): Promise<{ labels: string; open: number }[]> => {
      const { rows } = await fragment<{ labels: string; open: number }>`
        select labels, sum(case when measure = 'opened' then n else -n end)::float8 as open from exposure_day
         where environment = ${environment} and day < ${day}::date and (measure = 'opened' or measure like 'closed:%')
         group by labels`.execute(db.sql);
      return rows;
    },

    /** What is open in an environment now. */
    loadOpenGroups: async (environment: EnvironmentName, now: Instant): Promise<OpenExposures[]> => {
      const { rows } = await fragment<OpenExposures>`
        with late as (
          select labels, severity, exploited_since is not null as exploited,
                 greatest(0, floor(extract(epoch from ${timestamp(now)}::timestamptz - detected) / 86400))::int as days, due
            from exposure where closed is null and environment = ${environment}),
        sums as (
          select labels, severity, exploited, days, count(*)::int as count,
                 count(*) filter (where (due ->> 'kev')::float8 < ${now}::float8)::int as kev,
                 count(*) filter (where (due ->> 'fedramp')::float8 < ${now}::float8)::int as fedramp,
                 count(*) filter (where (due ->> 'pci-dss-4')::float8 < ${now}::float8)::int as pci,
                 count(*) filter (where (due ->> 'cra')::float8 < ${now}::float8)::int as cra,
                 count(*) filter (where (due ->> 'chainguard')::float8 < ${now}::float8)::int as chainguard,
                 count(*) filter (where (due ->> 'own')::float8 < ${now}::float8)::int as own
            from late group by 1, 2, 3, 4)
        select labels, severity, exploited, days, count,
               jsonb_build_object('kev', kev, 'fedramp', fedramp, 'pci-dss-4', pci, 'cra', cra, 'chainguard', chainguard, 'own', own) as overdue
          from sums order by days desc, severity`.execute(db.sql);
      return rows;
    },

    /** When what an environment names was built, by image. */
    loadPlacedSince: async (environment: EnvironmentName): Promise<{ image: ImageName; createdAt: Instant }[]> => {
      const { rows } = await fragment<{ image: ImageName; createdAt: Instant }>`
        select p.image, d.created_at as "createdAt" from pointer p
          join image_digest d on d.image = p.image and d.digest = p.digest
         where p.environment = ${environment} order by p.image`.execute(db.sql);
      return rows;
    },
  };
}

/** Writes down what rebuilds were good for; gives what they counted for before, and what they do now. */
export async function saveRebuilds(
  sql: Transaction<Tables>,
  images: readonly ImageName[],
  rows: readonly ExposureRebuild[],
): Promise<{ readonly gone: readonly Cell[]; readonly came: readonly Cell[] }> {
  const before = await sql
    .selectFrom("exposureRebuild")
    .selectAll()
    .where((row) => row("image", "=", row.fn.any(row.val([...images]))))
    .execute();
  const known = new Map(before.map((row) => [row.rebuild, row]));
  const changed = rows.filter((row) => canonicalJson(known.get(row.rebuild) ?? null) !== canonicalJson(row));
  for (let from = 0; from < changed.length; from += 500)
    await sql
      .insertInto("exposureRebuild")
      .values(
        changed
          .slice(from, from + 500)
          .map((row) => ({ ...row, finished: timestamp(row.finished), labels: json(row.labels) })),
      )
      .onConflict((conflict) =>
        conflict.column("rebuild").doUpdateSet((row) => ({
          state: row.ref("excluded.state"),
          finished: row.ref("excluded.finished"),
          labels: row.ref("excluded.labels"),
          closed: row.ref("excluded.closed"),
        })),
      )
      .execute();
  return {
    gone: changed.flatMap(({ rebuild }) => known.get(rebuild) ?? []).flatMap(cellsOfRebuild),
    came: changed.flatMap(cellsOfRebuild),
  };
}

/** Adds what changed to what was counted. */
export async function saveCounts(
  sql: Transaction<Tables>,
  changes: readonly { readonly cell: Cell; readonly n: number }[],
): Promise<void> {
  if (changes.length === 0) return;
  const rows = json(changes.map(({ cell, n }) => ({ ...cell, n })));
  await fragment`
    insert into exposure_day (day, environment, labels, measure, bucket, n)
    select day, environment, labels, measure, bucket, n
      from jsonb_to_recordset(${rows}::jsonb) as r(day date, environment text, labels text, measure text, bucket int, n bigint)
    on conflict (day, environment, measure, labels, bucket) do update set n = exposure_day.n + excluded.n`.execute(sql);
}
