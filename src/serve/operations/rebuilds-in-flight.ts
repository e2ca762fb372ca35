import { decideTurn, nextStep, soakLeft, type Cause, type StandingDigest, type Turn } from "../../core/plan/index.ts";
import type { Approval, ExternalRun, Hold, Pointer, Rebuild, Verification } from "../../io/store/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import { lastApproval } from "../../loop/overtaking.ts";
import { describeStanding, unprobedPlaces } from "../../loop/promote/index.ts";
import {
  describeCause,
  describeReasons,
  formatInstant,
  type ApprovalView,
  type Status,
} from "../../operation/index.ts";
import type { Conflicts } from "./conflicts.ts";

type RebuildView = Status["rebuilds"][number];

/** A rebuild that has not ended, and where it stands. */
export interface InFlight {
  readonly rebuild: Rebuild;
  readonly causes: readonly Cause[];
  readonly step: RebuildView["step"];
  readonly environment: string | null;
  /** Its causes as one line, and what it waits for. */
  readonly reason: string;
  /** What it waits for, as a sentence, and until when where that is known. */
  readonly waits: string | undefined;
  readonly until: Instant | undefined;
  /** What people said of its candidate. */
  readonly approvals: readonly Approval[];
}

const most = 20_000;

/** The rebuilds that have not ended, the urgent ones first, then the oldest. */
export async function loadRebuildsInFlight(
  ctx: Context,
  known: {
    readonly image: string | undefined;
    readonly pointers: readonly Pointer[];
    readonly holds: readonly Hold[];
    readonly conflicts: Conflicts;
  },
): Promise<InFlight[]> {
  const { store } = ctx;
  const { image } = known;
  const rebuilds = await store.loadRebuilds({ active: true, limit: most, ...(image === undefined ? {} : { image }) });
  if (rebuilds.length === 0) return [];
  const ids = rebuilds.map(({ id }) => id);
  const built = rebuilds.filter(({ candidate }) => candidate !== null).map(({ id }) => id);
  const candidates = [...new Set(rebuilds.flatMap(({ candidate }) => candidate ?? []))];
  const [causes, verifications, approvals, soaks, places, runs] = await Promise.all([
    store.loadCauses(ids),
    built.length === 0 ? [] : store.loadVerifications({ rebuilds: built }),
    store.loadApprovals({ image, digests: candidates }),
    store.loadSoaks(image),
    store.loadDeployed(image),
    store.loadRuns(rebuilds.filter(({ state }) => state === "building").map(({ id }) => id)),
  ]);
  const approvalsOf = Map.groupBy(approvals, (one) => `${one.image} ${one.digest}`);
  const soakOf = new Map(soaks.map((one) => [`${one.image}:${one.environment}`, one]));
  const standing = (pointer: Pointer): StandingDigest =>
    describeStanding(ctx, pointer, soakOf.get(`${pointer.image}:${pointer.environment}`), places);
  const byRebuild = Map.groupBy(verifications, ({ rebuild }) => rebuild);
  const chain = ctx.config.environments.map(({ name }) => name);
  const active = new Map(rebuilds.map((rebuild) => [rebuild.id, rebuild]));
  const pointersOf = Map.groupBy(known.pointers, (pointer) => pointer.image);
  const factsOf = new Map<string, RebuildFacts>();
  const found = rebuilds
    .sort((a, b) => lanes[a.lane] - lanes[b.lane] || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
    .map((rebuild) => {
      const own = (causes.get(rebuild.id) ?? []).map(({ cause }) => cause);
      const said = approvalsOf.get(`${rebuild.image} ${rebuild.candidate}`) ?? [];
      const facts: RebuildFacts = {
        approvals: said,
        verifications: byRebuild.get(rebuild.id) ?? [],
        pointers: (pointersOf.get(rebuild.image) ?? []).map(standing),
        holds: known.holds.filter((hold) => hold.image === null || hold.image === rebuild.image),
        parents: rebuild.parentRebuilds.flatMap((id) => active.get(id) ?? []),
        run: runs.get(rebuild.id)?.at(-1),
        conflicts: chain.filter((name) => known.conflicts.has(`${rebuild.image}:${name}`)),
      };
      factsOf.set(rebuild.id, facts);
      return { rebuild, causes: own, ...placeOf(ctx, rebuild, facts), approvals: said };
    });
  return found.map((one) => {
    const line = describeReasons(one.causes.map((cause) => describeCause(cause)));
    const turn = one.waits === undefined ? findTurn(ctx, one, found, factsOf) : undefined;
    const waits = one.waits ?? turn?.reason ?? describeTrain(ctx, one, found);
    const until = one.until ?? turn?.until;
    return { ...one, waits, until, reason: waits === undefined ? line : `${line}; ${waits}` };
  });
}

type Placed = Omit<InFlight, "reason">;

/** The earlier candidate of its image whose place one may not take yet, in an environment that it could come to. */
function findTurn(
  ctx: Context,
  { rebuild, step, environment }: Placed,
  others: readonly Placed[],
  factsOf: ReadonlyMap<string, RebuildFacts>,
): Extract<Turn, { kind: "waits" }> | undefined {
  if (step !== "promote" || environment === null) return undefined;
  for (const other of others) {
    const { candidate, createdAt, image, id } = other.rebuild;
    const facts = factsOf.get(id);
    if (image !== rebuild.image || id === rebuild.id || candidate === null || facts === undefined) continue;
    if (createdAt > rebuild.createdAt) continue;
    const known = knownOf(ctx, other.rebuild, facts);
    const approvedAt = lastApproval(other);
    const now = ctx.clock.now();
    const ahead = { digest: candidate, facts: known, approvedAt };
    const turn = decideTurn(rebuild.lane, environment, ahead, ctx.config.environments, now);
    if (turn.kind === "waits") return turn;
  }
  return undefined;
}

/** What is known of a rebuild, as the loop asks for its next step. */
function knownOf(ctx: Context, { state, candidate, lane, image }: Rebuild, facts: RebuildFacts) {
  const unprobed = unprobedPlaces(ctx.config, image);
  return { ...facts, state, candidate, lane, unprobed, quarantined: false, parents: [] };
}

/** The others of its train that one waits for which could move by itself. */
function describeTrain(
  ctx: Context,
  { rebuild, step, environment }: Placed,
  others: readonly Placed[],
): string | undefined {
  if (step !== "promote") return undefined;
  const trains = ctx.config.environments.find(({ name }) => name === environment)?.trains ?? [];
  const train = trains.find(({ images }) => images.includes(rebuild.image));
  const behind = others.filter(
    (one) =>
      one.rebuild.image !== rebuild.image &&
      train?.images.includes(one.rebuild.image) === true &&
      (one.environment !== environment || one.waits !== undefined),
  );
  if (train === undefined || behind.length === 0) return undefined;
  return `the train ${train.name} waits for ${behind.map((one) => one.rebuild.image).join(", ")}`;
}

const lanes = { urgent: 0, routine: 1 } as const;

interface RebuildFacts {
  readonly verifications: readonly Verification[];
  readonly pointers: readonly StandingDigest[];
  readonly approvals: readonly Approval[];
  readonly holds: readonly Hold[];
  /** The rebuilds that it waits for, as long as they have not ended. */
  readonly parents: readonly Rebuild[];
  /** The newest run of the pipeline that builds it. */
  readonly run: ExternalRun | undefined;
  /** Environments where somebody else moved the tag. */
  readonly conflicts: readonly string[];
}

/** What a rebuild waits for whose pipeline builds it, and until when at most. */
function describeRun(
  { config }: Context,
  image: string,
  run: ExternalRun | undefined,
): Pick<InFlight, "waits" | "until"> {
  const declared = config.images[image];
  if (run === undefined || run.closedAt !== null || declared?.recipe !== "external")
    return { waits: undefined, until: undefined };
  const { place, url, reason } = run;
  const until = run.askedAt + declared.pipeline.timeout;
  if (run.state === "intended")
    return {
      waits: `${place} is asked to build it${reason === null ? "" : `, and does not answer: ${reason}`}`,
      until,
    };
  return { waits: `${place} builds it${url === null ? "" : `: ${url}`}`, until };
}

function placeOf(
  ctx: Context,
  rebuild: Rebuild,
  facts: RebuildFacts,
): Pick<InFlight, "step" | "environment" | "waits" | "until"> {
  const { candidate, state, lastError, notBefore } = rebuild;
  const failed = lastError === null ? undefined : `the try before failed: ${lastError.message}`;
  if (state === "queued" || candidate === null) {
    if (state !== "queued") return { step: "build", environment: null, ...describeRun(ctx, rebuild.image, facts.run) };
    const names = facts.parents.map((parent) => parent.image).join(", ");
    const after = names === "" ? undefined : `it waits for ${names}`;
    return { step: "queue", environment: null, waits: failed ?? after, until: undefined };
  }
  const now = ctx.clock.now();
  const next = nextStep(knownOf(ctx, rebuild, facts), ctx.config.environments, now);
  const isStopped = next.kind === "wait" || (next.kind === "finish" && next.state === "failed");
  const waits = isStopped ? next.reason : notBefore > now ? failed : undefined;
  const until = next.kind === "wait" ? next.until : undefined;
  let arrived: string | null = null;
  for (const link of ctx.config.environments) {
    const pointer = facts.pointers.find(({ environment }) => environment === link.name);
    if (pointer?.digest === candidate) {
      arrived = link.name;
      if (soakLeft(link, pointer, now) > 0) return { step: "soak", environment: link.name, waits, until };
      continue;
    }
    const verdict = facts.verifications.findLast(({ environment }) => environment === link.name)?.verdict;
    return { step: verdict === "passed" ? "promote" : "verify", environment: link.name, waits, until };
  }
  return { step: "promote", environment: arrived, waits, until };
}

/** A rebuild in flight in the shape of the contract. */
export function describeInFlight(ctx: Context, one: InFlight): RebuildView {
  const { id, image, state, lane, notBefore, candidate, attempts, createdAt, updatedAt } = one.rebuild;
  return {
    id,
    image,
    state: state === "queued" || state === "building" ? state : "built",
    step: one.step,
    environment: one.environment,
    since: formatInstant(state === "queued" ? createdAt : updatedAt),
    notBefore: notBefore <= ctx.clock.now() ? null : formatInstant(notBefore),
    lane,
    attempt: Math.max(1, attempts),
    candidate,
    reason: one.reason,
    until: one.until === undefined ? null : formatInstant(one.until),
    approvals: one.approvals.map(describeApproval),
  };
}

/** What a person said of a digest, in the shape of the contract. */
export function describeApproval({ environment, verdict, who, reason, createdAt }: Approval): ApprovalView {
  return { environment, verdict, by: who, reason, at: formatInstant(createdAt) };
}
