import { randomUUID } from "node:crypto";
import { sql as fragment, type Kysely, type Transaction } from "kysely";
import type { EnvironmentName, ImageName } from "../../core/plan/index.ts";
import { approvalsWanted, describeLacking, type ApprovalRule } from "../../core/policy/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import type { Database, Write } from "./database.ts";
import { at, lockLeased, lost, type Lease, type Lost } from "./lease.ts";
import { insertQuarantine, type NewQuarantine } from "./quarantine.ts";
import { changeRebuild, type RebuildChange } from "./rebuild.ts";
import { json, timestamp, type Pointer, type Promotion, type PromotionKind, type Tables } from "./schema.ts";

/** What is about to be done to an environment. */
export interface Intent {
  readonly image: ImageName;
  readonly environment: EnvironmentName;
  readonly digest: Digest;
  readonly kind: PromotionKind;
  readonly by: string;
  readonly reason: string;
  readonly detail?: Readonly<Record<string, unknown>>;
  /** What the environment must still name; refused where it has moved on. */
  readonly leaving?: Digest;
  /** How many people must have approved the digest for the environment. */
  readonly approvals?: ApprovalRule | undefined;
  /** What goes into quarantine with it: what a rollback leaves. */
  readonly quarantine?: NewQuarantine;
}

export type SavedIntent =
  /** The effect may be done; again where it was written before. */
  | { readonly kind: "saved"; readonly promotion: Promotion }
  /** The pointer names the digest already. */
  | { readonly kind: "unchanged"; readonly pointer: Pointer }
  /** A rule forbids it, each reason a sentence. */
  | { readonly kind: "refused"; readonly reasons: readonly string[] }
  /** Another promotion of this environment is under way. */
  | { readonly kind: "busy"; readonly promotion: Promotion }
  | Lost;

export type SavedPromotion = { readonly kind: "saved"; readonly promotion: Promotion } | Lost;

export function promotionQueries(db: Database) {
  return {
    /**
     * Writes down that an environment's pointer is to move, before anything moves. Here, in one transaction with the facts, the last word is said:
     * a digest that never passed its verification in that environment, or is in quarantine, is refused, and so is a way forward under a hold. A
     * rollback takes the place of a promotion that is under way. `lease` where a rebuild brings it; a person's needs none.
     */
    saveIntent: (intent: Intent, lease?: Lease): Promise<SavedIntent> =>
      db.write(async (write) => {
        const now = db.clock.now();
        const { image, environment, digest, kind } = intent;
        if (lease !== undefined && (await lockLeased(write.sql, lease, now)) === undefined) return lost;
        const pointer = await lockPointer(write.sql, image, environment);
        if (pointer.digest === digest) return { kind: "unchanged", pointer };
        if (intent.leaving !== undefined && pointer.digest !== intent.leaving)
          return { kind: "refused", reasons: [`${environment} does not name ${intent.leaving} any more`] };

        const open = await loadOpen(write.sql, image, environment);
        const rebuild = lease?.rebuild.id ?? null;
        if (open !== undefined) {
          if (open.digest === digest && open.kind === kind && open.rebuild === rebuild) {
            const isOther = lease !== undefined && open.detail["owner"] !== lease.owner;
            return { kind: "saved", promotion: isOther ? await markTakenOver(write, open) : open };
          }
          if (kind === "forward") return { kind: "busy", promotion: open };
        }
        const reasons = await refusalsOf(write.sql, intent, now);
        if (reasons.length > 0) return { kind: "refused", reasons };
        if (open !== undefined) await endOpen(write, open, `${intent.by} rolled back meanwhile`);

        const fence = pointer.fence + 1;
        await write.sql
          .updateTable("pointer")
          .set({ fence })
          .where("image", "=", image)
          .where("environment", "=", environment)
          .execute();
        const promotion = await write.sql
          .insertInto("promotion")
          .values({
            id: randomUUID(),
            image,
            environment,
            digest,
            previous: pointer.digest,
            rebuild,
            kind,
            state: "intent",
            by: intent.by,
            reason: intent.reason,
            detail: json({ ...intent.detail, ...(lease === undefined ? {} : { owner: lease.owner }) }),
            fence,
            createdAt: timestamp(now),
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        await write.audit(intent.by, "intent", { ...promotion });
        if (intent.quarantine !== undefined) await insertQuarantine(write, timestamp(now), intent.quarantine);
        return { kind: "saved", promotion };
      }),

    /**
     * Confirms that the effect of an intent was done: the pointer moves, and the rebuild with it where `change` says so. Again is the same. Lost where a
     * later intent took its place: then the effect is to be looked at again, not believed.
     */
    savePromotion: (promotion: Promotion, lease?: Lease, change?: RebuildChange): Promise<SavedPromotion> =>
      db.write(async (write) => {
        const now = db.clock.now();
        const rebuild = lease && (await lockLeased(write.sql, lease, now));
        if (lease !== undefined && rebuild === undefined) return lost;
        const { image, environment, digest } = promotion;
        const pointer = await lockPointer(write.sql, image, environment);
        const current = await loadPromotion(write.sql, promotion.id);
        if (current === undefined || current.fence !== pointer.fence) return lost;
        if (current.state !== "intent" && current.state !== "confirmed") return lost;
        let confirmed = current;
        if (current.state === "intent") {
          confirmed = await write.sql
            .updateTable("promotion")
            .set({ state: "confirmed", confirmedAt: timestamp(now) })
            .where("id", "=", promotion.id)
            .returningAll()
            .executeTakeFirstOrThrow();
          await write.sql
            .updateTable("pointer")
            .set({ digest, previous: pointer.digest, promotion: promotion.id, since: timestamp(now) })
            .where("image", "=", image)
            .where("environment", "=", environment)
            .execute();
          await write.audit(current.by, current.kind === "forward" ? "promoted" : "rolled-back", { ...confirmed });
        }
        if (rebuild !== undefined && change !== undefined) await changeRebuild(write, now, rebuild, change);
        return { kind: "saved", promotion: confirmed };
      }),

    /** Ends an intent whose environment somebody else moved; `found` is what its tag names. */
    saveConflict: (promotion: Promotion, found: Digest | null, lease?: Lease): Promise<SavedPromotion> =>
      db.write(async (write) => {
        if (lease !== undefined && (await lockLeased(write.sql, lease, db.clock.now())) === undefined) return lost;
        const row = await write.sql
          .updateTable("promotion")
          .set({ state: "conflict", detail: json({ ...promotion.detail, found }) })
          .where("id", "=", promotion.id)
          .where("state", "=", "intent")
          .returningAll()
          .executeTakeFirst();
        if (row === undefined) return lost;
        await write.audit("tidemill", "conflict", { ...row });
        return { kind: "saved", promotion: row };
      }),

    /** Puts down that an intent is carried out by another than began it: that one may still write what it was about to. */
    saveIntentTakenOver: (promotion: Promotion): Promise<Promotion> =>
      db.write((write) => markTakenOver(write, promotion)),

    /** Ends an intent that nobody will carry out; what it may have done to the tag is to be looked at. Lost where it has ended already. */
    saveIntentEnded: (promotion: Promotion, reason: string): Promise<SavedPromotion> =>
      db.write(async (write) => {
        await lockPointer(write.sql, promotion.image, promotion.environment);
        const current = await loadPromotion(write.sql, promotion.id);
        if (current?.state !== "intent") return lost;
        return { kind: "saved", promotion: await endOpen(write, current, reason) };
      }),

    /** Why saveIntent would refuse an intent now, one sentence each; nothing is written. */
    loadRefusals: (
      intent: Pick<Intent, "image" | "environment" | "digest" | "kind" | "approvals">,
    ): Promise<string[]> => refusalsOf(db.sql, intent, db.clock.now()),

    /** Puts down why a candidate does not go forward; the same reasons again change nothing. */
    saveRefusal: (
      lease: Lease,
      refusal: { readonly environment: EnvironmentName; readonly digest: Digest; readonly reasons: readonly string[] },
    ): Promise<SavedPromotion> =>
      db.write(async (write) => {
        const now = db.clock.now();
        const rebuild = await lockLeased(write.sql, lease, now);
        if (rebuild === undefined) return lost;
        const { environment, digest } = refusal;
        const reason = refusal.reasons.join("; ");
        const before = await write.sql
          .selectFrom("promotion")
          .selectAll()
          .where("rebuild", "=", rebuild.id)
          .where("environment", "=", environment)
          .where("digest", "=", digest)
          .where("state", "=", "refused")
          .orderBy("createdAt", "desc")
          .executeTakeFirst();
        if (before?.reason === reason) return { kind: "saved", promotion: before };
        const pointer = await lockPointer(write.sql, rebuild.image, environment);
        const promotion = await write.sql
          .insertInto("promotion")
          .values({
            id: randomUUID(),
            image: rebuild.image,
            environment,
            digest,
            previous: pointer.digest,
            rebuild: rebuild.id,
            kind: "forward",
            state: "refused",
            by: "tidemill",
            reason,
            detail: json({ reasons: refusal.reasons }),
            fence: pointer.fence,
            createdAt: timestamp(now),
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        await write.audit("tidemill", "refused", { ...promotion });
        return { kind: "saved", promotion };
      }),

    /** Promotions, newest first; `before` is the id of the last one of the page before. */
    loadPromotions: (
      filter: {
        readonly image?: ImageName;
        readonly environment?: EnvironmentName;
        readonly rebuild?: string;
        readonly digest?: Digest;
        readonly states?: readonly Promotion["state"][];
        readonly limit?: number;
      } = {},
    ): Promise<Promotion[]> => {
      let query = db.sql
        .selectFrom("promotion")
        .selectAll()
        .orderBy("createdAt", "desc")
        .orderBy("id")
        .limit(filter.limit ?? 100);
      if (filter.image !== undefined) query = query.where("image", "=", filter.image);
      if (filter.environment !== undefined) query = query.where("environment", "=", filter.environment);
      if (filter.rebuild !== undefined) query = query.where("rebuild", "=", filter.rebuild);
      if (filter.digest !== undefined) query = query.where("digest", "=", filter.digest);
      if (filter.states !== undefined) query = query.where("state", "in", filter.states);
      return query.execute();
    },

    /** Promotions by their ids. */
    loadPromotionsById: async (ids: readonly string[]): Promise<Map<string, Promotion>> => {
      if (ids.length === 0) return new Map();
      const rows = await db.sql
        .selectFrom("promotion")
        .selectAll()
        .where((row) => row("id", "=", row.fn.any(fragment<string[]>`${[...ids]}::uuid[]`)))
        .execute();
      return new Map(rows.map((row) => [row.id, row]));
    },

    /** Intents that were neither confirmed nor ended: what a crash left, oldest first. */
    loadOpenIntents: (): Promise<Promotion[]> =>
      db.sql.selectFrom("promotion").selectAll().where("state", "=", "intent").orderBy("createdAt").execute(),

    /** What each environment names; of one image where it is named. An environment that never had a promotion is left out. */
    loadPointers: (image?: ImageName): Promise<Pointer[]> => {
      const query = db.sql
        .selectFrom("pointer")
        .selectAll()
        .where("digest", "is not", null)
        .orderBy("image")
        .orderBy("environment");
      return (image === undefined ? query : query.where("image", "=", image)).execute();
    },
  };
}

async function lockPointer(sql: Transaction<Tables>, image: ImageName, environment: EnvironmentName): Promise<Pointer> {
  await sql
    .insertInto("pointer")
    .values({ image, environment, digest: null, previous: null, promotion: null })
    .onConflict((conflict) => conflict.columns(["image", "environment"]).doNothing())
    .execute();
  return sql
    .selectFrom("pointer")
    .selectAll()
    .where("image", "=", image)
    .where("environment", "=", environment)
    .forUpdate()
    .executeTakeFirstOrThrow();
}

function loadOpen(
  sql: Transaction<Tables>,
  image: ImageName,
  environment: EnvironmentName,
): Promise<Promotion | undefined> {
  return sql
    .selectFrom("promotion")
    .selectAll()
    .where("image", "=", image)
    .where("environment", "=", environment)
    .where("state", "=", "intent")
    .executeTakeFirst();
}

function loadPromotion(sql: Transaction<Tables>, id: string): Promise<Promotion | undefined> {
  return sql.selectFrom("promotion").selectAll().where("id", "=", id).executeTakeFirst();
}

async function markTakenOver({ sql, audit }: Write, open: Promotion): Promise<Promotion> {
  const row = await sql
    .updateTable("promotion")
    .set({ detail: json({ ...open.detail, takenOver: true }) })
    .where("id", "=", open.id)
    .where("state", "=", "intent")
    .returningAll()
    .executeTakeFirst();
  // Whoever tries again and again takes it over once.
  if (row !== undefined && open.detail["takenOver"] !== true) await audit("tidemill", "intent-taken-over", { ...row });
  return row ?? open;
}

async function endOpen(write: Write, open: Promotion, reason: string): Promise<Promotion> {
  const row = await write.sql
    .updateTable("promotion")
    .set({ state: "refused", detail: json({ ...open.detail, ended: reason }) })
    .where("id", "=", open.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await write.audit("tidemill", "refused", { ...row });
  return row;
}

async function refusalsOf(
  sql: Kysely<Tables>,
  intent: Pick<Intent, "image" | "environment" | "digest" | "kind" | "approvals">,
  now: Instant,
): Promise<string[]> {
  const { image, environment, digest, kind } = intent;
  const reasons: string[] = [];
  const verdicts = await sql
    .selectFrom("verification")
    .select(["verdict", "checks"])
    .where("image", "=", image)
    .where("digest", "=", digest)
    .where("environment", "=", environment)
    .orderBy("startedAt", "desc")
    .execute();
  // Forward asks what the newest verification says; the way back needs one that once passed.
  const passed =
    kind === "forward" ? verdicts[0]?.verdict === "passed" : verdicts.some(({ verdict }) => verdict === "passed");
  if (!passed) reasons.push(`${image}@${digest} has not passed its verification for ${environment}`);
  const quarantine = await sql
    .selectFrom("quarantine")
    .select(["reason", "who"])
    .where("image", "=", image)
    .where("digest", "=", digest)
    .executeTakeFirst();
  if (quarantine !== undefined) {
    reasons.push(`${image}@${digest} is in quarantine: ${quarantine.reason} (${quarantine.who})`);
  }
  if (kind === "rollback") return reasons;
  const approvals = await sql
    .selectFrom("approval")
    .selectAll()
    .where("image", "=", image)
    .where("digest", "=", digest)
    .execute();
  for (const one of approvals)
    if (one.verdict === "rejected") reasons.push(`${one.who} rejected it for ${one.environment}: ${one.reason}`);
  const own = approvals.filter((one) => one.environment === environment);
  const wanted = approvalsWanted(intent.approvals, verdicts[0]?.checks ?? []);
  const lacking = describeLacking(environment, wanted, own);
  if (lacking !== undefined) reasons.push(lacking);
  const holds = await sql
    .selectFrom("hold")
    .select(["who", "reason"])
    .where("liftedAt", "is", null)
    .where((row) => row.or([row("until", "is", null), row("until", ">", at(now))]))
    .where((row) => row.or([row("image", "is", null), row("image", "=", image)]))
    .where((row) => row.or([row("environment", "is", null), row("environment", "=", environment)]))
    .execute();
  for (const hold of holds) reasons.push(`${image} is on hold for ${environment}: ${hold.reason} (${hold.who})`);
  return reasons;
}
