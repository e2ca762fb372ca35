import { randomUUID } from "node:crypto";
import { sql as fragment, type ExpressionBuilder } from "kysely";
import type { RunState } from "../../core/external/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import type { Database, Write } from "./database.ts";
import { lockLeased, lost, type Lease, type Lost } from "./lease.ts";
import { json, timestamp, type ExternalRun, type Tables } from "./schema.ts";

/** A run that is to be asked for. */
export interface NewExternalRun {
  /** Whose pipeline, in words. */
  readonly place: string;
  readonly noCache: boolean;
  /** What it is to be made of, by the names of their upstreams. */
  readonly bases: Readonly<Record<string, Digest>>;
  /** What it may be answered with, and the hash of that; undefined where it is told none. */
  readonly token: { readonly text: string; readonly hash: Digest } | undefined;
}

/** What was learned of a run; what is not named stays. */
export interface ExternalRunChange {
  readonly state?: RunState;
  readonly run?: string;
  readonly url?: string;
  readonly digest?: Digest;
  readonly reason?: string;
  readonly tried?: true;
  readonly succeeded?: true;
  readonly lookAt?: Instant;
  /** Whether nothing is left to do about it. */
  readonly closed?: true;
}

/** What whoever has the token of a run says of it. */
export type RunAnswer =
  | { readonly kind: "digest"; readonly digest: Digest }
  | { readonly kind: "failed"; readonly reason: string; readonly url: string | undefined };

/** `known`: it had said the same before. `differs`: it said something else, and that stays. `over`: nobody waits for it any more. */
export type AnsweredRun =
  { readonly kind: "taken" | "known"; readonly rebuild: string } | { readonly kind: "unproven" | "differs" | "over" };

export function externalRunQueries(db: Database) {
  return {
    /** Puts down that a pipeline is about to be asked for the next run of a rebuild: durable before it is. */
    saveRunIntent: (lease: Lease, wanted: NewExternalRun): Promise<{ kind: "saved"; run: ExternalRun } | Lost> =>
      db.write(async ({ sql, audit }) => {
        const now = db.clock.now();
        const rebuild = await lockLeased(sql, lease, now);
        if (rebuild === undefined) return lost;
        const { attempt: last } = await sql
          .selectFrom("externalRun")
          .select(fragment<number>`coalesce(max(attempt), 0)::int`.as("attempt"))
          .where("rebuild", "=", rebuild.id)
          .executeTakeFirstOrThrow();
        const attempt = last + 1;
        const run = await sql
          .insertInto("externalRun")
          .values({
            id: randomUUID(),
            rebuild: rebuild.id,
            attempt,
            name: `tidemill-${rebuild.id}${attempt === 1 ? "" : `-${attempt}`}`,
            place: wanted.place,
            noCache: wanted.noCache,
            bases: json(wanted.bases),
            state: "intended",
            token: wanted.token?.text ?? null,
            tokenHash: wanted.token?.hash ?? null,
            run: null,
            url: null,
            digest: null,
            reason: null,
            askedAt: timestamp(now),
            lookAt: timestamp(now),
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        await audit("tidemill", "pipeline-intended", told(rebuild.image, run));
        return { kind: "saved", run };
      }),

    /** Puts down what was learned of a run, unless it was answered meanwhile: what was given, or closed, stays. */
    saveRun: (
      lease: Lease,
      id: string,
      change: ExternalRunChange,
    ): Promise<{ kind: "saved"; run: ExternalRun } | Lost> =>
      db.write(async (write) => {
        const rebuild = await lockLeased(write.sql, lease, db.clock.now());
        if (rebuild === undefined) return lost;
        return { kind: "saved", run: await changeRun(write, db.clock.now(), rebuild.image, id, change) };
      }),

    /** The same of a run whose rebuild has ended. */
    saveRunWithdrawn: (id: string, change: ExternalRunChange): Promise<ExternalRun> =>
      db.write((write) => changeRun(write, db.clock.now(), undefined, id, change)),

    /** What whoever has the token says of a run. `isRight` is told the hash of the token, and answers in constant time. */
    saveRunAnswer: (id: string, isRight: (hash: string | null) => boolean, answer: RunAnswer): Promise<AnsweredRun> =>
      db.write(async (write) => {
        const row = await write.sql
          .selectFrom("externalRun")
          .innerJoin("rebuild", "rebuild.id", "externalRun.rebuild")
          .selectAll("externalRun")
          .select(["rebuild.image", "rebuild.finishedAt"])
          .where("externalRun.id", "=", id)
          // Who works at the rebuild locks that first, then its run.
          .forUpdate("externalRun")
          .executeTakeFirst();
        if (!isRight(row?.tokenHash ?? null) || row === undefined) return { kind: "unproven" };
        const { image, finishedAt, rebuild, state, digest } = row;
        const isSame = answer.kind === "digest" ? digest === answer.digest : state === "failed";
        if (state !== "intended" && state !== "running") {
          if (isSame) return { kind: "known", rebuild };
          return { kind: state === "given" ? "differs" : "over" };
        }
        if (finishedAt !== null) return { kind: "over" };
        const change: ExternalRunChange =
          answer.kind === "digest"
            ? { state: "given", digest: answer.digest, closed: true }
            : {
                state: "failed",
                reason: answer.reason,
                closed: true,
                ...(answer.url === undefined || row.url !== null ? {} : { url: answer.url }),
              };
        await changeRun(write, db.clock.now(), image, id, { ...change, lookAt: db.clock.now() });
        return { kind: "taken", rebuild };
      }),

    /** The runs of rebuilds, by rebuild, oldest first. */
    loadRuns: async (rebuilds: readonly string[]): Promise<Map<string, ExternalRun[]>> => {
      if (rebuilds.length === 0) return new Map();
      const rows = await db.sql
        .selectFrom("externalRun")
        .selectAll()
        .where((row) => row("rebuild", "=", row.fn.any(fragment<string[]>`${[...rebuilds]}::uuid[]`)))
        .orderBy("attempt")
        .execute();
      return Map.groupBy(rows, ({ rebuild }) => rebuild);
    },

    /** The tags under which runs may have pushed a digest of an image. */
    loadRunTags: async (image: string, digest: Digest): Promise<string[]> => {
      const rows = await db.sql
        .selectFrom("externalRun")
        .innerJoin("rebuild", "rebuild.id", "externalRun.rebuild")
        .select("externalRun.name")
        .where("rebuild.image", "=", image)
        .where("externalRun.digest", "=", digest)
        .execute();
      return rows.map(({ name }) => name);
    },

    /** Runs that may still go on, and that nobody wants any more: too late, or of rebuilds that have ended. Those that are due, oldest first, each with its image. */
    loadUnwantedRuns: (limit = 100): Promise<(ExternalRun & { readonly image: string })[]> =>
      db.sql
        .selectFrom("externalRun")
        .innerJoin("rebuild", "rebuild.id", "externalRun.rebuild")
        .selectAll("externalRun")
        .select("rebuild.image")
        .where("externalRun.closedAt", "is", null)
        .where(unwanted)
        .where("externalRun.lookAt", "<=", fragment<Instant>`${timestamp(db.clock.now())}::timestamptz`)
        .orderBy("externalRun.askedAt")
        .limit(limit)
        .execute(),
  };
}

function unwanted(row: ExpressionBuilder<Tables, "externalRun" | "rebuild">) {
  return row.or([row("externalRun.state", "=", "late"), row("rebuild.finishedAt", "is not", null)]);
}

async function changeRun(
  { sql, audit }: Write,
  now: Instant,
  image: string | undefined,
  id: string,
  change: ExternalRunChange,
): Promise<ExternalRun> {
  const before = await sql
    .selectFrom("externalRun")
    .selectAll()
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirstOrThrow();
  // What a pipeline said stands, whatever a look that began before it finds.
  if (before.closedAt !== null) return before;
  const { state = before.state, tried, succeeded, lookAt, closed, ...rest } = change;
  const isOver = state !== "intended" && state !== "running";
  const row = await sql
    .updateTable("externalRun")
    .set({
      ...rest,
      state,
      // It is used up, or its pipeline has it.
      ...(state === "intended" ? {} : { token: null }),
      ...(tried === true ? { triedAt: timestamp(now) } : {}),
      ...(succeeded === true && before.succeededAt === null ? { succeededAt: timestamp(now) } : {}),
      ...(lookAt === undefined ? {} : { lookAt: timestamp(lookAt) }),
      ...(closed === true ? { closedAt: timestamp(now) } : {}),
    })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
  if (state !== before.state) await audit("tidemill", `pipeline-${isOver ? state : "asked"}`, told(image, row));
  return row;
}

/** What the audit chain says of a run: no token, and no hash of one. */
function told(image: string | undefined, run: ExternalRun) {
  const { id, rebuild, attempt, name, place, url, digest, reason } = run;
  return { run: id, rebuild, attempt, name, place, url, digest, reason, ...(image === undefined ? {} : { image }) };
}
