import { sql as fragment, type Transaction } from "kysely";
import { marksOf, severityLevels } from "../../core/exposure/index.ts";
import type { EnvironmentName, ImageName } from "../../core/plan/index.ts";
import { canonicalJson, type Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { saveCounts, saveRebuilds } from "./exposure-measures.ts";
import { loadExposureFacts, type ExposureFacts } from "./exposure-history.ts";
import { json, timestamp, type Exposure, type ExposureRebuild, type Tables } from "./schema.ts";

/** What one look at the exposures changed. */
export interface RenewedExposures {
  readonly images: number;
  readonly written: number;
  readonly removed: number;
  /** Whether there are more images to look at. */
  readonly isMore: boolean;
}

/** What the exposures of some images are, and what the rebuilds of these were good for. */
export interface DerivedExposures {
  readonly exposures: readonly Exposure[];
  readonly rebuilds: readonly ExposureRebuild[];
}

/** One process at a time derives exposures: one that read its facts earlier must not have the last word. */
const exposureLock = 7_436_043;
const writeStride = 500;

export function exposureQueries(db: Database) {
  return {
    /**
     * Derives the exposures of up to `limit` images of which something changed, and writes down what is other than it was. `derive` is pure: it may be called again. In one transaction with the facts: killed
     * anywhere, the same images are looked at again.
     */
    renewExposures: (limit: number, derive: (facts: ExposureFacts) => DerivedExposures): Promise<RenewedExposures> =>
      db.write(async ({ sql }) => {
        await fragment`select pg_advisory_xact_lock(${exposureLock})`.execute(sql);
        await spreadDue(sql);
        const due = await fragment<{ image: ImageName; ids: number[] }>`
          select image, array_agg(id) as ids from exposure_due where image is not null
           group by image order by min(id) limit ${limit + 1}`.execute(sql);
        const taken = due.rows.slice(0, limit);
        if (taken.length === 0) return { images: 0, written: 0, removed: 0, isMore: false };
        const images = taken.map(({ image }) => image);
        const derived = derive(await loadExposureFacts(sql, images));
        const changed = await saveDerived(sql, images, derived);
        await fragment`delete from exposure_due where id = any(${taken.flatMap(({ ids }) => ids)}::bigint[])`.execute(
          sql,
        );
        return { images: taken.length, ...changed, isMore: due.rows.length > limit };
      }),

    /** Has the exposures of every image that ever had one be derived again: what they are judged by changed. */
    noteAllExposures: async (): Promise<void> => {
      await fragment`insert into exposure_due (image) select name from image order by name`.execute(db.sql);
    },

    /** Open exposures that are warned of by now, those of the nearest deadline first. */
    loadWarnedExposures: (now: Instant, limit: number): Promise<Exposure[]> =>
      db.sql
        .selectFrom("exposure")
        .selectAll()
        .where("closed", "is", null)
        .where("warnAt", "<=", fragment<Instant>`${timestamp(now)}::timestamptz`)
        .orderBy("dueAt")
        .orderBy("image")
        .orderBy("environment")
        .orderBy("advisory")
        .limit(limit)
        .execute(),

    /** The worst that is open: the exploited first, then by severity, by environment from the last of `environments` on, by the nearest deadline that is watched, and by age. */
    loadWorstExposure: async (
      environments: readonly EnvironmentName[],
      image?: ImageName,
    ): Promise<Exposure | undefined> => {
      let query = db.sql
        .selectFrom("exposure")
        .selectAll()
        .where("closed", "is", null)
        .where("environment", "in", environments);
      if (image !== undefined) query = query.where("image", "=", image);
      return query
        .orderBy(fragment`exploited_since is null`)
        .orderBy(fragment`array_position(${severityLevels}::text[], severity)`)
        .orderBy(fragment`array_position(${environments}::text[], environment) desc`)
        .orderBy(fragment`due_at nulls last`)
        .orderBy("detected")
        .orderBy("image")
        .orderBy("advisory")
        .limit(1)
        .executeTakeFirst();
    },

    /** Exposures, those first that are open, then the longest ago detected. */
    loadExposures: (filter: {
      readonly image?: ImageName;
      readonly environment?: EnvironmentName;
      readonly advisory?: string;
      /** Only those that are open, or ended then or later. */
      readonly endedSince?: Instant;
      readonly limit: number;
    }): Promise<Exposure[]> => {
      let query = db.sql.selectFrom("exposure").selectAll();
      const { image, environment, advisory, endedSince } = filter;
      if (image !== undefined) query = query.where("image", "=", image);
      if (environment !== undefined) query = query.where("environment", "=", environment);
      if (advisory !== undefined)
        query = query.where((row) =>
          row.or([row("advisory", "=", advisory), fragment<boolean>`aliases ? ${advisory}`]),
        );
      if (endedSince !== undefined)
        query = query.where((row) =>
          row.or([
            row("closed", "is", null),
            row("closed", ">=", fragment<Instant>`${timestamp(endedSince)}::timestamptz`),
          ]),
        );
      return query
        .orderBy(fragment`closed is not null`)
        .orderBy("detected")
        .orderBy("image")
        .orderBy("environment")
        .orderBy("advisory")
        .orderBy("life")
        .limit(filter.limit)
        .execute();
    },
  };
}

/** What is said of packages and inventories becomes a word for each image that holds them. */
async function spreadDue(sql: Transaction<Tables>): Promise<void> {
  await fragment`
    with gone as (delete from exposure_due where image is null returning package, inventory),
         keys as (select inventory from gone where inventory is not null
                  union select i.inventory from inventory_package i
                         where i.packages && coalesce((select array_agg(distinct package) from gone where package is not null), '{}'))
    insert into exposure_due (image)
    select distinct d.image from image_digest d
     where jsonb_path_query_array(d.inventories, '$.*') ?| coalesce((select array_agg(inventory) from keys), '{}')
     order by 1`.execute(sql);
}

async function saveDerived(
  sql: Transaction<Tables>,
  images: readonly ImageName[],
  { exposures: rows, rebuilds }: DerivedExposures,
): Promise<{ readonly written: number; readonly removed: number }> {
  const before = await sql
    .selectFrom("exposure")
    .selectAll()
    .where((row) => row("image", "=", row.fn.any(row.val([...images]))))
    .execute();
  const left = new Map(before.map((row) => [keyOf(row), row]));
  const changed = rows.filter((row) => {
    const known = left.get(keyOf(row));
    left.delete(keyOf(row));
    return known === undefined || canonicalJson(known) !== canonicalJson(row);
  });
  for (const { image, environment, advisory, life } of left.values())
    await sql
      .deleteFrom("exposure")
      .where("image", "=", image)
      .where("environment", "=", environment)
      .where("advisory", "=", advisory)
      .where("life", "=", life)
      .execute();
  for (let from = 0; from < changed.length; from += writeStride)
    await upsert(sql, changed.slice(from, from + writeStride));
  const changedKeys = new Set(changed.map(keyOf));
  const gone = before.filter((row) => left.has(keyOf(row)) || changedKeys.has(keyOf(row)));
  const byRebuild = await saveRebuilds(sql, images, rebuilds);
  await saveCounts(
    sql,
    [...gone.flatMap(marksOf), ...byRebuild.gone],
    [...changed.flatMap(marksOf), ...byRebuild.came],
  );
  return { written: changed.length, removed: left.size };
}

function keyOf({ image, environment, advisory, life }: Exposure): string {
  return JSON.stringify([image, environment, advisory, life]);
}

async function upsert(sql: Transaction<Tables>, rows: readonly Exposure[]): Promise<void> {
  const time = (at: Instant | null): string | null => (at === null ? null : timestamp(at));
  await sql
    .insertInto("exposure")
    .values(
      rows.map((row) => ({
        ...row,
        aliases: json(row.aliases),
        labels: json(row.labels),
        due: json(row.due),
        exploitedSince: time(row.exploitedSince),
        kevDue: time(row.kevDue),
        dueAt: time(row.dueAt),
        warnAt: time(row.warnAt),
        sources: json(row.sources),
        published: time(row.published),
        fixAvailable: time(row.fixAvailable),
        detected: timestamp(row.detected),
        built: time(row.built),
        verified: time(row.verified),
        promoted: time(row.promoted),
        deployed: time(row.deployed),
        closed: time(row.closed),
      })),
    )
    .onConflict((conflict) =>
      conflict.columns(["image", "environment", "advisory", "life"]).doUpdateSet((row) => ({
        turn: row.ref("excluded.turn"),
        severity: row.ref("excluded.severity"),
        aliases: row.ref("excluded.aliases"),
        published: row.ref("excluded.published"),
        fixAvailable: row.ref("excluded.fixAvailable"),
        detected: row.ref("excluded.detected"),
        built: row.ref("excluded.built"),
        verified: row.ref("excluded.verified"),
        promoted: row.ref("excluded.promoted"),
        deployed: row.ref("excluded.deployed"),
        closed: row.ref("excluded.closed"),
        endKind: row.ref("excluded.endKind"),
        digest: row.ref("excluded.digest"),
        sources: row.ref("excluded.sources"),
        exploitedSince: row.ref("excluded.exploitedSince"),
        kevDue: row.ref("excluded.kevDue"),
        labels: row.ref("excluded.labels"),
        due: row.ref("excluded.due"),
        dueAt: row.ref("excluded.dueAt"),
        dueRule: row.ref("excluded.dueRule"),
        warnAt: row.ref("excluded.warnAt"),
      })),
    )
    .execute();
}
