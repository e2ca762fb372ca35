import { randomUUID } from "node:crypto";
import { sql as fragment, type Transaction } from "kysely";
import type { Cause, ImageName, Lane } from "../../core/plan/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { Database, Write } from "./database.ts";
import { json, timestamp, type Detail, type PlanRow, type Rebuild, type Tables } from "./schema.ts";

export interface KeyedCause {
  /** The same for causes that are the same: `package:<source>:<target version>`. */
  readonly key: string;
  readonly cause: Cause;
}

/** A rebuild that a plan asks for. */
export interface PlannedRebuild {
  readonly image: ImageName;
  readonly lane: Lane;
  readonly notBefore: Instant;
  readonly recipeKey: string;
  /** Parents whose rebuilds, of this plan or in flight, it waits for. */
  readonly parents: readonly ImageName[];
  readonly causes: readonly KeyedCause[];
  /** Keys of causes that it does not have, although an earlier plan may have said so. */
  readonly notFor?: readonly string[];
  readonly detail?: Detail;
}

/** Where a planned rebuild went. `joined`: into the one that is queued; `in-flight`: one that is under way has every cause already. */
export type PlacedRebuild =
  | { readonly kind: "queued"; readonly rebuild: Rebuild; readonly superseded: string | null }
  | { readonly kind: "joined"; readonly rebuild: Rebuild; readonly newCauses: number }
  | { readonly kind: "in-flight"; readonly rebuild: Rebuild };

export interface SavedPlan {
  /** Null where the plan brought nothing new: then it is not kept. */
  readonly plan: string | null;
  /** In the order of the rebuilds that were asked for. */
  readonly placed: readonly PlacedRebuild[];
}

const planLock = 7_436_003;

export function planQueries(db: Database) {
  return {
    /**
     * Makes a plan's rebuilds stand, parents before children in `rebuilds`. One image has at most one queued rebuild: another plan's causes
     * join it, the urgent lane and the earlier time win. A rebuild that is being built is superseded when there are new causes, and
     * its causes are carried over; once its verification has started it goes on, and the new one queues behind it.
     */
    savePlan: (plan: { readonly detail: Detail; readonly rebuilds: readonly PlannedRebuild[] }): Promise<SavedPlan> =>
      db.write(async (write) => {
        if (db.kind === "postgres") await fragment`select pg_advisory_xact_lock(${planLock})`.execute(write.sql);
        const id = randomUUID();
        const now = timestamp(db.clock.now());
        await write.sql
          .insertInto("plan")
          .values({ id, createdAt: now, detail: json(plan.detail) })
          .execute();
        const active = await loadActive(write.sql, plan.rebuilds);
        const placed: PlacedRebuild[] = [];
        for (const wanted of plan.rebuilds) placed.push(await placeRebuild(write, id, now, wanted, active));

        if (placed.every((one) => one.kind === "in-flight" || (one.kind === "joined" && one.newCauses === 0))) {
          await write.sql.deleteFrom("plan").where("id", "=", id).execute();
          return { plan: null, placed };
        }
        await write.audit("tidemill", "plan-saved", {
          plan: id,
          rebuilds: placed.map(({ kind, rebuild }) => ({ kind, rebuild: rebuild.id, image: rebuild.image })),
        });
        return { plan: id, placed };
      }),

    loadPlan: (id: string): Promise<PlanRow | undefined> =>
      db.sql.selectFrom("plan").selectAll().where("id", "=", id).executeTakeFirst(),

    /** The newest plans, newest first. */
    loadPlans: (limit = 20): Promise<PlanRow[]> =>
      db.sql.selectFrom("plan").selectAll().orderBy("createdAt", "desc").limit(limit).execute(),
  };
}

/** Rebuilds under way of the images that are planned and of the parents they wait for. */
interface Active {
  readonly queued: Map<ImageName, Rebuild>;
  /** Not queued; `verifying` where a verification has begun. */
  readonly running: Map<ImageName, { readonly rebuild: Rebuild; readonly verifying: boolean }>;
  readonly causes: Map<string, Set<string>>;
}

async function loadActive(sql: Transaction<Tables>, planned: readonly PlannedRebuild[]): Promise<Active> {
  const images = [...new Set(planned.flatMap(({ image, parents }) => [image, ...parents]))];
  const rows = await sql
    .selectFrom("rebuild")
    .selectAll()
    .select((row) =>
      row
        .exists(row.selectFrom("verification").select("id").whereRef("verification.rebuild", "=", "rebuild.id"))
        .as("verifying"),
    )
    .where("finishedAt", "is", null)
    .where((row) => row("image", "=", row.fn.any(row.val(images))))
    .orderBy("createdAt")
    .forUpdate()
    .execute();
  const causeRows = await sql
    .selectFrom("cause")
    .select(["rebuild", "key"])
    .where((row) => row("rebuild", "=", row.fn.any(fragment<string[]>`${rows.map(({ id }) => id)}::uuid[]`)))
    .execute();
  const active: Active = { queued: new Map(), running: new Map(), causes: new Map() };
  for (const { verifying, ...rebuild } of rows) {
    if (rebuild.state === "queued") active.queued.set(rebuild.image, rebuild);
    else active.running.set(rebuild.image, { rebuild, verifying: Boolean(verifying) });
    active.causes.set(rebuild.id, new Set());
  }
  for (const { rebuild, key } of causeRows) active.causes.get(rebuild)?.add(key);
  return active;
}

async function placeRebuild(
  write: Write,
  plan: string,
  now: string,
  wanted: PlannedRebuild,
  active: Active,
): Promise<PlacedRebuild> {
  const queued = active.queued.get(wanted.image);
  if (queued !== undefined) return joinQueued(write.sql, now, wanted, queued, active);

  const running = active.running.get(wanted.image);
  const known = running && active.causes.get(running.rebuild.id);
  if (running !== undefined && wanted.causes.every(({ key }) => known?.has(key) === true)) {
    return { kind: "in-flight", rebuild: running.rebuild };
  }
  const id = randomUUID();
  const superseded = running !== undefined && !running.verifying ? running.rebuild.id : null;
  const rebuild = await write.sql
    .insertInto("rebuild")
    .values({
      id,
      image: wanted.image,
      plan,
      state: "queued",
      lane: wanted.lane,
      notBefore: timestamp(wanted.notBefore),
      candidate: null,
      recipeKey: wanted.recipeKey,
      parentRebuilds: parentRebuildsOf(wanted, active),
      leaseOwner: null,
      detail: json(wanted.detail ?? {}),
      createdAt: now,
      updatedAt: now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await insertCauses(write.sql, id, wanted.causes);
  active.causes.set(id, new Set(wanted.causes.map(({ key }) => key)));
  active.queued.set(wanted.image, rebuild);
  if (superseded !== null) await supersede(write, now, superseded, rebuild);
  await dropCauses(write.sql, id, wanted);
  return { kind: "queued", rebuild, superseded };
}

async function joinQueued(
  sql: Transaction<Tables>,
  now: string,
  wanted: PlannedRebuild,
  queued: Rebuild,
  active: Active,
): Promise<PlacedRebuild> {
  const known = active.causes.get(queued.id) ?? new Set();
  const newCauses = wanted.causes.filter(({ key }) => !known.has(key));
  await insertCauses(sql, queued.id, wanted.causes);
  await dropCauses(sql, queued.id, wanted);
  const rebuild = await sql
    .updateTable("rebuild")
    .set({
      lane: wanted.lane === "urgent" ? "urgent" : queued.lane,
      notBefore: timestamp(Math.min(wanted.notBefore, queued.notBefore)),
      recipeKey: wanted.recipeKey,
      parentRebuilds: parentRebuildsOf(wanted, active),
      // What a person wants to come all the same comes, whatever the plan holds back.
      detail: json(
        queued.detail["withHeld"] === true
          ? { ...wanted.detail, ...queued.detail }
          : { ...queued.detail, ...wanted.detail },
      ),
      updatedAt: now,
    })
    .where("id", "=", queued.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  active.queued.set(wanted.image, rebuild);
  for (const { key } of newCauses) known.add(key);
  return { kind: "joined", rebuild, newCauses: newCauses.length };
}

function parentRebuildsOf(wanted: PlannedRebuild, active: Active): string[] {
  return wanted.parents.flatMap((name) => (active.queued.get(name) ?? active.running.get(name)?.rebuild)?.id ?? []);
}

/** What is kept out of a rebuild is no cause of it, whatever an earlier plan said. */
async function dropCauses(
  sql: Transaction<Tables>,
  rebuild: string,
  { notFor = [] }: Pick<PlannedRebuild, "notFor">,
): Promise<void> {
  if (notFor.length === 0) return;
  await sql
    .deleteFrom("cause")
    .where("rebuild", "=", rebuild)
    .where("key", "in", [...notFor])
    .execute();
}

/** Adds causes to a rebuild; one that it has gets the newer words. */
export async function insertCauses(
  sql: Transaction<Tables>,
  rebuild: string,
  causes: readonly KeyedCause[],
): Promise<void> {
  const byKey = new Map(causes.map((one) => [one.key, one.cause]));
  if (byKey.size === 0) return;
  await sql
    .insertInto("cause")
    .values([...byKey].map(([key, cause]) => ({ rebuild, key, kind: cause.kind, detail: json(cause) })))
    .onConflict((conflict) =>
      conflict.columns(["rebuild", "key"]).doUpdateSet((row) => ({ detail: row.ref("excluded.detail") })),
    )
    .execute();
}

/** Ends `old` in favour of `by`: its causes and those who wait for it go over; whoever works at it has lost its lease. */
export async function supersede(write: Write, now: string, old: string, by: Rebuild): Promise<void> {
  const { sql } = write;
  await sql
    .insertInto("cause")
    .columns(["rebuild", "key", "kind", "detail"])
    .expression((from) =>
      from
        .selectFrom("cause")
        .select([fragment<string>`${by.id}::uuid`.as("rebuild"), "key", "kind", "detail"])
        .where("rebuild", "=", old),
    )
    .onConflict((conflict) => conflict.columns(["rebuild", "key"]).doNothing())
    .execute();
  await sql
    .updateTable("rebuild")
    .set({ parentRebuilds: fragment<string[]>`array_replace(parent_rebuilds, ${old}::uuid, ${by.id}::uuid)` })
    .where(fragment<boolean>`${old}::uuid = any(parent_rebuilds)`)
    .where("id", "!=", by.id)
    .execute();
  await sql
    .updateTable("rebuild")
    .set({
      state: "superseded",
      fence: fragment<number>`fence + 1`,
      leaseOwner: null,
      leaseUntil: null,
      detail: fragment<string>`detail || ${json({ supersededBy: by.id })}::jsonb`,
      updatedAt: now,
      finishedAt: now,
    })
    .where("id", "=", old)
    .execute();
  await write.audit("tidemill", "rebuild-superseded", { image: by.image, rebuild: old, by: by.id });
}
