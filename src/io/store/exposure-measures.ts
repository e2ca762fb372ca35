import { sql as fragment, type Transaction } from "kysely";
import {
  applyDayChange,
  dayChanges,
  keyOf,
  marksOfRebuild,
  type CountedDay,
  type Day,
  type Mark,
  type OpenExposures,
} from "../../core/exposure/index.ts";
import type { EnvironmentName, ImageName } from "../../core/plan/index.ts";
import { canonicalJson, type Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { json, timestamp, type ExposureRebuild, type Tables } from "./schema.ts";

export function exposureMeasureQueries(db: Database) {
  return {
    /** What was counted on these days, both in it (`2026-11-27`), of an environment and of none. Without labels, which are most of what is read, each says `{}`. */
    loadDays: async (
      environment: EnvironmentName,
      { from, until, labels }: { readonly from: string; readonly until: string; readonly labels: boolean },
    ): Promise<CountedDay[]> => {
      // As one text: a hundred thousand rows one by one take longer than counting them.
      const { rows } = await fragment<{ all: string | null }>`
        select json_agg(json_build_array(day, environment, ${labels ? fragment`labels` : fragment`'{}'`}, counts, fix, exposed))::text as all from exposure_day
         where environment in (${environment}, '') and day >= ${from}::date and day <= ${until}::date and counts <> '{}'`.execute(
        db.sql,
      );
      return daysOf(rows[0]?.all ?? "[]");
    },

    /** How many were opened and closed before a day, by labels: what stood open at its beginning. */
    loadOpenBefore: async (environment: EnvironmentName, day: string): Promise<{ labels: string; open: number }[]> => {
      const { rows } = await fragment<{ labels: string; open: number }>`
        select labels, sum(grown)::float8 as open from exposure_day
         where environment = ${environment} and day < ${day}::date group by labels`.execute(db.sql);
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
): Promise<{ readonly gone: readonly Mark[]; readonly came: readonly Mark[] }> {
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
    gone: changed.flatMap(({ rebuild }) => known.get(rebuild) ?? []).flatMap(marksOfRebuild),
    came: changed.flatMap(marksOfRebuild),
  };
}

/** Days of one statement: each may hold some hundred lengths. */
const dayStride = 2_000;

/** Takes what is there no more from what was counted, and adds what came. For who holds the lock of exposures: what is read here is written back. */
export async function saveCounts(
  sql: Transaction<Tables>,
  gone: readonly Mark[],
  came: readonly Mark[],
): Promise<void> {
  const changes = dayChanges(gone, came);
  for (let from = 0; from < changes.length; from += dayStride) {
    const some = changes.slice(from, from + dayStride);
    const known = await loadNamedDays(
      sql,
      some.map(({ day }) => day),
    );
    const rows = some.map((change) => {
      const counted = applyDayChange(known.get(keyOf(change.day)), change);
      return { ...counted, grown: grownOf(counted) };
    });
    await fragment`
      insert into exposure_day (day, environment, labels, grown, counts, fix, exposed)
      select day, environment, labels, grown, counts, fix, exposed
        from jsonb_to_recordset(${json(rows)}::jsonb)
          as r(day date, environment text, labels text, grown int, counts jsonb, fix int[], exposed int[])
      on conflict (day, environment, labels) do update
         set grown = excluded.grown, counts = excluded.counts, fix = excluded.fix, exposed = excluded.exposed`.execute(
      sql,
    );
  }
}

async function loadNamedDays(sql: Transaction<Tables>, days: readonly Day[]): Promise<Map<string, CountedDay>> {
  const { rows } = await fragment<{ all: string | null }>`
    select json_agg(json_build_array(d.day, d.environment, d.labels, d.counts, d.fix, d.exposed))::text as all
      from jsonb_to_recordset(${json(days)}::jsonb) as k(day date, environment text, labels text)
      join exposure_day d using (day, environment, labels)`.execute(sql);
  return new Map(daysOf(rows[0]?.all ?? "[]").map((day) => [keyOf(day), day]));
}

function daysOf(text: string): CountedDay[] {
  const rows = JSON.parse(text) as [string, string, string, CountedDay["counts"], number[], number[]][];
  return rows.map(([day, environment, labels, counts, fix, exposed]) => ({
    day,
    environment,
    labels,
    counts,
    fix,
    exposed,
  }));
}

/** How many more exposures were opened on a day than were closed. */
function grownOf({ counts }: CountedDay): number {
  return Object.entries(counts).reduce((sum, [measure, n]) => {
    if (measure === "opened") return sum + n;
    return measure.startsWith("closed:") ? sum - n : sum;
  }, 0);
}
