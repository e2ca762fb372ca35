import { randomUUID } from "node:crypto";
import type { Transaction } from "kysely";
import type { EnvironmentName, ImageName } from "../../core/plan/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Database, Write } from "./database.ts";
import { lockPlace, type DeployLease } from "./deploy-lease.ts";
import { lost, type Lost } from "./lease.ts";
import { json, timestamp, type Deployed, type Deployment, type Detail, type Tables } from "./schema.ts";

/** What a running system is about to be made to use. */
export interface DeployIntent {
  readonly environment: EnvironmentName;
  readonly digest: Digest;
  readonly by: string;
  readonly reason: string;
  readonly detail?: Detail;
}

export type SavedDeployment =
  | { readonly kind: "saved"; readonly deployment: Deployment; readonly isNew: boolean }
  /** A rule forbids it, each reason a sentence. */
  | { readonly kind: "refused"; readonly reasons: readonly string[] }
  | Lost;

/** Where an attempt goes next. */
export type DeploymentStep =
  | { readonly to: "applied" | "confirmed"; readonly detail?: Detail }
  | { readonly to: "failing" | "failed" | "ended"; readonly reason: string };

/** What a look at a place found. */
export interface PlaceLook {
  /** Why what is wanted does not run there, as a sentence; null where it does. */
  readonly waiting: string | null;
  /** Whether what was confirmed last runs there; undefined where that cannot be told. */
  readonly runs: boolean | undefined;
}

/** From which state each may come: an attempt that has ended stays as it is. */
const comesFrom: Readonly<Record<DeploymentStep["to"], readonly Deployment["state"][]>> = {
  applied: ["intent", "applied"],
  confirmed: ["intent", "applied"],
  failing: ["intent", "applied", "failing"],
  failed: ["failing"],
  ended: ["intent", "applied", "failing"],
};

const actions: Readonly<Record<DeploymentStep["to"], string>> = {
  applied: "deploy-applied",
  confirmed: "deployed",
  failing: "deploy-failing",
  failed: "deploy-failed",
  ended: "deploy-ended",
};

export function deploymentQueries(db: Database) {
  return {
    /**
     * Writes down that a place is to run a digest, before anything is done. Here, in one transaction with the facts, the last word is said: only what the environment's pointer names comes there, and nothing from quarantine. One
     * that is open for the same digest goes on, now under this lease; one for another ends.
     */
    saveDeployIntent: (lease: DeployLease, intent: DeployIntent): Promise<SavedDeployment> =>
      db.write(async (write) => {
        const now = db.clock.now();
        const place = await lockPlace(write.sql, lease, now);
        if (place === undefined) return lost;
        const { name, image, fence, owner } = lease;
        const { environment, digest } = intent;
        const pointer = await write.sql
          .selectFrom("pointer")
          .selectAll()
          .where("image", "=", image)
          .where("environment", "=", environment)
          .executeTakeFirst();
        const reasons = await refusalsOf(write.sql, image, intent, pointer?.digest ?? null);
        if (reasons.length > 0) return { kind: "refused", reasons };
        const open = await loadOpenAt(write.sql, name, image);
        // A person's word takes the place of what nobody asked for.
        const isSame = open?.digest === digest && (open.by === intent.by || intent.by === "tidemill");
        if (open !== undefined && isSame && open.state !== "failing") {
          const takenOver = open.detail["takenOver"] === true || open.detail["owner"] !== owner;
          const detail = json({ ...open.detail, owner, begunAt: now, takenOver });
          return { kind: "saved", deployment: await change(write.sql, open.id, { fence, detail }), isNew: false };
        }
        if (open !== undefined) await endOpen(write, db, open, `${intent.by} has it run another digest`);
        const move = pointer?.promotion ?? null;
        const kind =
          move === null
            ? undefined
            : await write.sql.selectFrom("promotion").select("kind").where("id", "=", move).executeTakeFirst();
        const deployment = await write.sql
          .insertInto("deployment")
          .values({
            id: randomUUID(),
            name,
            image,
            environment,
            digest,
            previous: place.digest,
            promotion: move,
            kind: kind?.kind ?? "forward",
            state: "intent",
            by: intent.by,
            reason: intent.reason,
            detail: json({ ...intent.detail, owner, begunAt: now }),
            fence,
            createdAt: timestamp(now),
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        // From here on nobody knows what runs there until it was seen.
        await changePlace(write.sql, lease, { since: null, waiting: null });
        await write.audit(intent.by, "deploy-intent", { ...deployment });
        return { kind: "saved", deployment, isNew: true };
      }),

    /** Takes an attempt a step further; the same again is the same. Lost where the lease is, or where the attempt has ended otherwise. */
    saveDeployment: (lease: DeployLease, id: string, step: DeploymentStep): Promise<SavedDeployment> =>
      db.write(async (write) => {
        const now = db.clock.now();
        const place = await lockPlace(write.sql, lease, now);
        if (place === undefined) return lost;
        const current = await write.sql.selectFrom("deployment").selectAll().where("id", "=", id).executeTakeFirst();
        if (current === undefined) return lost;
        if (current.state === step.to) return { kind: "saved", deployment: current, isNew: false };
        if (!comesFrom[step.to].includes(current.state)) return lost;
        const at = timestamp(now);
        const said = "reason" in step ? { [step.to === "ended" ? "ended" : "failure"]: step.reason } : step.detail;
        const deployment = await change(write.sql, id, {
          state: step.to,
          fence: lease.fence,
          detail: json({ ...current.detail, ...said }),
          ...(step.to === "applied" ? { appliedAt: at } : {}),
          ...(step.to === "confirmed"
            ? { confirmedAt: at, finishedAt: at, appliedAt: timestamp(current.appliedAt ?? now) }
            : {}),
          ...(step.to === "failed" || step.to === "ended" ? { finishedAt: at } : {}),
        });
        if (step.to === "confirmed")
          await changePlace(write.sql, lease, { digest: deployment.digest, deployment: id, since: at, waiting: null });
        // It was undone: what was there before is there again.
        if (step.to === "failed") await changePlace(write.sql, lease, { since: place.digest === null ? null : at });
        await write.audit(deployment.by, actions[step.to], { ...deployment });
        return { kind: "saved", deployment, isNew: true };
      }),

    /** Puts down what a look at a place found. Nothing where the lease was lost. */
    savePlaceLook: (lease: DeployLease, { waiting, runs }: PlaceLook): Promise<void> =>
      db.write(async ({ sql }) => {
        const now = db.clock.now();
        const place = await lockPlace(sql, lease, now);
        if (place === undefined) return;
        const since = runs === undefined ? place.since : runs ? (place.since ?? now) : null;
        if (since === place.since && waiting === place.waiting) return;
        await changePlace(sql, lease, { since: since === null ? null : timestamp(since), waiting });
      }),

    /** Keeps what a target wrote down of what it put at the place; null forgets it. False where the lease was lost. */
    savePlaceBrought: (lease: DeployLease, brought: unknown): Promise<boolean> =>
      db.write(async ({ sql }) => {
        const place = await lockPlace(sql, lease, db.clock.now());
        if (place === undefined) return false;
        await changePlace(sql, lease, { brought: brought === null ? null : json(brought) });
        return true;
      }),

    /** Attempts, newest first. */
    loadDeployments: (
      filter: {
        readonly name?: string;
        readonly image?: ImageName | undefined;
        readonly digest?: Digest;
        readonly states?: readonly Deployment["state"][];
        readonly limit?: number;
      } = {},
    ): Promise<Deployment[]> => {
      let query = db.sql
        .selectFrom("deployment")
        .selectAll()
        .orderBy("createdAt", "desc")
        .orderBy("id")
        .limit(filter.limit ?? 100);
      if (filter.name !== undefined) query = query.where("name", "=", filter.name);
      if (filter.image !== undefined) query = query.where("image", "=", filter.image);
      if (filter.digest !== undefined) query = query.where("digest", "=", filter.digest);
      if (filter.states !== undefined) query = query.where("state", "in", filter.states);
      return query.execute();
    },

    /** What each place is known to run; of one image where it is named. */
    loadDeployed: (image?: ImageName): Promise<Deployed[]> => {
      const query = db.sql.selectFrom("deployed").selectAll().orderBy("name").orderBy("image");
      return (image === undefined ? query : query.where("image", "=", image)).execute();
    },
  };
}

async function refusalsOf(
  sql: Transaction<Tables>,
  image: ImageName,
  { environment, digest }: DeployIntent,
  named: Digest | null,
): Promise<string[]> {
  if (named !== digest) return [`${environment} does not name ${image}@${digest}`];
  const quarantine = await sql
    .selectFrom("quarantine")
    .select(["reason", "who"])
    .where("image", "=", image)
    .where("digest", "=", digest)
    .executeTakeFirst();
  if (quarantine === undefined) return [];
  return [`${image}@${digest} is in quarantine: ${quarantine.reason} (${quarantine.who})`];
}

function loadOpenAt(sql: Transaction<Tables>, name: string, image: ImageName): Promise<Deployment | undefined> {
  return sql
    .selectFrom("deployment")
    .selectAll()
    .where("name", "=", name)
    .where("image", "=", image)
    .where("state", "in", ["intent", "applied", "failing"])
    .executeTakeFirst();
}

async function endOpen(write: Write, db: Database, open: Deployment, reason: string): Promise<void> {
  const ended = await change(write.sql, open.id, {
    state: "ended",
    finishedAt: timestamp(db.clock.now()),
    detail: json({ ...open.detail, ended: reason }),
  });
  await write.audit("tidemill", "deploy-ended", { ...ended });
}

async function changePlace(
  sql: Transaction<Tables>,
  { name, image }: DeployLease,
  fields: {
    readonly digest?: Digest;
    readonly deployment?: string;
    readonly since?: string | null;
    readonly waiting?: string | null;
    readonly brought?: string | null;
  },
): Promise<void> {
  await sql.updateTable("deployed").set(fields).where("name", "=", name).where("image", "=", image).execute();
}

function change(
  sql: Transaction<Tables>,
  id: string,
  fields: {
    readonly state?: Deployment["state"];
    readonly fence?: number;
    readonly detail?: string;
    readonly appliedAt?: string;
    readonly confirmedAt?: string;
    readonly finishedAt?: string;
  },
): Promise<Deployment> {
  return sql.updateTable("deployment").set(fields).where("id", "=", id).returningAll().executeTakeFirstOrThrow();
}
