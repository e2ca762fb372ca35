import { sql as fragment, type Transaction } from "kysely";
import type { ImageName, RebuildState } from "../../core/plan/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import type { Database, Write } from "./database.ts";
import { lockLeased, lost, type Lease, type Lost } from "./lease.ts";
import { insertCauses, supersede, type KeyedCause } from "./plan.ts";
import {
  json,
  timestamp,
  type Detail,
  type ImageDigest,
  type Rebuild,
  type RebuildStep,
  type StoredError,
  type Tables,
} from "./schema.ts";

/** What changes of a rebuild; what is not named stays. */
export interface RebuildChange {
  readonly state?: RebuildState;
  readonly candidate?: Digest;
  readonly lastError?: StoredError | null;
  /** When to look at it again. */
  readonly notBefore?: Instant;
  /** Merged into what is there. */
  readonly detail?: Detail;
}

/** A digest that a build made. */
export interface Candidate {
  readonly digest: Digest;
  readonly platforms: readonly string[];
  /** Platform → key that saveInventories gave. */
  readonly inventories: Readonly<Record<string, Digest>>;
  readonly recipeKey: string;
  readonly baseDigests: readonly Digest[];
  readonly detail?: Detail;
}

export type SavedRebuild = { readonly kind: "saved"; readonly rebuild: Rebuild } | Lost;

export interface RebuildFilter {
  readonly image?: ImageName;
  readonly states?: readonly RebuildState[];
  readonly candidate?: Digest;
  readonly plan?: string;
  /** Only those that have not ended. */
  readonly active?: boolean;
  readonly limit?: number;
}

export function rebuildQueries(db: Database) {
  return {
    loadRebuild: (id: string): Promise<Rebuild | undefined> =>
      db.sql.selectFrom("rebuild").selectAll().where("id", "=", id).executeTakeFirst(),

    /** Rebuilds, newest first. */
    loadRebuilds: (filter: RebuildFilter = {}): Promise<Rebuild[]> => {
      let query = db.sql
        .selectFrom("rebuild")
        .selectAll()
        .orderBy("createdAt", "desc")
        .orderBy("id")
        .limit(filter.limit ?? 1000);
      if (filter.image !== undefined) query = query.where("image", "=", filter.image);
      if (filter.states !== undefined) query = query.where("state", "in", filter.states);
      if (filter.candidate !== undefined) query = query.where("candidate", "=", filter.candidate);
      if (filter.plan !== undefined) query = query.where("plan", "=", filter.plan);
      if (filter.active === true) query = query.where("finishedAt", "is", null);
      return query.execute();
    },

    /** The newest rebuild of every image. */
    loadNewestRebuilds: (): Promise<Rebuild[]> =>
      db.sql
        .selectFrom("rebuild")
        .selectAll()
        .distinctOn("image")
        .orderBy("image")
        .orderBy("createdAt", "desc")
        .execute(),

    /** The rebuilds that failed and that no newer one of their image came after. */
    loadLastFailures: (): Promise<Rebuild[]> =>
      db.sql
        .selectFrom("rebuild")
        .selectAll()
        .where("state", "=", "failed")
        .where((row) =>
          row.not(
            row.exists(
              row
                .selectFrom("rebuild as newer")
                .select("newer.id")
                .whereRef("newer.image", "=", "rebuild.image")
                .whereRef("newer.createdAt", ">", "rebuild.createdAt"),
            ),
          ),
        )
        .orderBy("image")
        .execute(),

    /** The causes of rebuilds, by rebuild, in order of key. */
    loadCauses: async (rebuilds: readonly string[]): Promise<Map<string, KeyedCause[]>> => {
      const byRebuild = new Map<string, KeyedCause[]>(rebuilds.map((id) => [id, []]));
      const rows = await db.sql
        .selectFrom("cause")
        .selectAll()
        .where((row) => row("rebuild", "=", row.fn.any(fragment<string[]>`${[...byRebuild.keys()]}::uuid[]`)))
        .orderBy("key")
        .execute();
      for (const row of rows) byRebuild.get(row.rebuild)?.push({ key: row.key, cause: row.detail });
      return byRebuild;
    },

    /** Gives causes newer words: those of a rebuild by their key. */
    saveCauses: (lease: Lease, causes: readonly KeyedCause[]): Promise<SavedRebuild> =>
      db.write(async ({ sql }) => {
        const rebuild = await lockLeased(sql, lease, db.clock.now());
        if (rebuild === undefined) return lost;
        await insertCauses(sql, rebuild.id, causes);
        return { kind: "saved", rebuild };
      }),

    /** Moves a rebuild. An end (unchanged, promoted, failed, superseded) gives the lease back. */
    saveRebuild: (lease: Lease, change: RebuildChange): Promise<SavedRebuild> =>
      db.write(async (write) => {
        const rebuild = await lockLeased(write.sql, lease, db.clock.now());
        return rebuild === undefined ? lost : changeRebuild(write, db.clock.now(), rebuild, change);
      }),

    /** Keeps what a build made, and moves the rebuild to `built`. */
    saveCandidate: (lease: Lease, candidate: Candidate, change: RebuildChange = {}): Promise<SavedRebuild> =>
      db.write(async (write) => {
        const now = db.clock.now();
        const rebuild = await lockLeased(write.sql, lease, now);
        if (rebuild === undefined) return lost;
        const made = await write.sql
          .insertInto("imageDigest")
          .values({
            image: rebuild.image,
            digest: candidate.digest,
            platforms: json(candidate.platforms),
            inventories: json(candidate.inventories),
            recipeKey: candidate.recipeKey,
            baseDigests: json(candidate.baseDigests),
            createdAt: timestamp(now),
            detail: json(candidate.detail ?? {}),
          })
          .onConflict((conflict) =>
            conflict.columns(["image", "digest"]).doUpdateSet({
              recipeKey: candidate.recipeKey,
              baseDigests: json(candidate.baseDigests),
              // The same bytes may come from other digests of what they are made of.
              detail: fragment<string>`image_digest.detail || ${json(originOf(candidate))}::jsonb`,
            }),
          )
          .returningAll()
          .executeTakeFirstOrThrow();
        return changeRebuild(write, now, rebuild, { state: "built", ...change, candidate: candidate.digest }, made);
      }),

    /** Puts down that an effect was done. `first` is false where it was done before, and `detail` is what was put down then. */
    saveStep: (
      lease: Lease,
      key: string,
      detail: Detail = {},
    ): Promise<{ readonly kind: "saved"; readonly first: boolean; readonly detail: Detail } | Lost> =>
      db.write(async ({ sql }) => {
        const now = db.clock.now();
        if ((await lockLeased(sql, lease, now)) === undefined) return lost;
        const inserted = await sql
          .insertInto("rebuildStep")
          .values({ rebuild: lease.rebuild.id, key, fence: lease.fence, detail: json(detail), doneAt: timestamp(now) })
          .onConflict((conflict) => conflict.columns(["rebuild", "key"]).doNothing())
          .returning("detail")
          .executeTakeFirst();
        if (inserted !== undefined) return { kind: "saved", first: true, detail: inserted.detail };
        const before = await sql
          .selectFrom("rebuildStep")
          .select("detail")
          .where("rebuild", "=", lease.rebuild.id)
          .where("key", "=", key)
          .executeTakeFirstOrThrow();
        return { kind: "saved", first: false, detail: before.detail };
      }),

    /** The effects that were done for a rebuild, in the order they were done. */
    loadSteps: (rebuild: string): Promise<RebuildStep[]> =>
      db.sql
        .selectFrom("rebuildStep")
        .selectAll()
        .where("rebuild", "=", rebuild)
        .orderBy("doneAt")
        .orderBy("key")
        .execute(),
  };
}

function originOf({ detail }: Candidate): Detail {
  return detail?.["origin"] === undefined ? {} : { origin: detail["origin"] };
}

const ends: ReadonlySet<RebuildState> = new Set(["unchanged", "promoted", "failed", "superseded"]);

/** Writes a change of a rebuild that the caller has locked; `made` is the digest that came of it. */
export async function changeRebuild(
  write: Write,
  now: Instant,
  rebuild: Rebuild,
  change: RebuildChange,
  made?: ImageDigest,
): Promise<{ readonly kind: "saved"; readonly rebuild: Rebuild }> {
  const { state = rebuild.state, candidate, lastError, notBefore, detail } = change;
  if (state === "queued" && rebuild.state !== "queued") {
    const other = await loadQueued(write.sql, rebuild.image);
    if (other !== undefined) {
      await supersede(write, timestamp(now), rebuild.id, other);
      return { kind: "saved", rebuild: await loadLocked(write.sql, rebuild.id) };
    }
  }
  const ended = ends.has(state);
  const begun = state === "building" && rebuild.state === "queued";
  const row = await write.sql
    .updateTable("rebuild")
    .set({
      state,
      updatedAt: timestamp(now),
      ...(begun ? { attempts: rebuild.attempts + 1 } : {}),
      ...(candidate === undefined ? {} : { candidate }),
      ...(lastError === undefined ? {} : { lastError: lastError === null ? null : json(lastError) }),
      ...(notBefore === undefined ? {} : { notBefore: timestamp(notBefore) }),
      ...(detail === undefined ? {} : { detail: json({ ...rebuild.detail, ...detail }) }),
      ...(ended ? { finishedAt: timestamp(now), leaseOwner: null, leaseUntil: null } : {}),
    })
    .where("id", "=", rebuild.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  if (state !== rebuild.state && (ended || state === "built")) {
    await write.audit("tidemill", `rebuild-${state}`, {
      image: row.image,
      rebuild: row.id,
      digest: row.candidate,
      error: row.lastError,
      row,
      ...(made === undefined ? {} : { made }),
    });
  }
  return { kind: "saved", rebuild: row };
}

function loadQueued(sql: Transaction<Tables>, image: ImageName): Promise<Rebuild | undefined> {
  return sql
    .selectFrom("rebuild")
    .selectAll()
    .where("image", "=", image)
    .where("state", "=", "queued")
    .executeTakeFirst();
}

function loadLocked(sql: Transaction<Tables>, id: string): Promise<Rebuild> {
  return sql.selectFrom("rebuild").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
}
