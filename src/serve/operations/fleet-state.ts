import { z } from "zod";
import type { ScheduleFacts } from "../../core/remedy/index.ts";
import { soakLeft } from "../../core/plan/index.ts";
import type {
  Bump,
  Deployed,
  Hold,
  Image,
  ImageRemedy,
  Pointer,
  Quarantine,
  Rebuild,
  Soak,
} from "../../io/store/index.ts";
import { shortDigest, type Digest, type Instant } from "../../lib/index.ts";
import { repositoryName, type Context } from "../../loop/context.ts";
import { describeStanding, isSoaking } from "../../loop/promote/index.ts";
import { formatInstant, type AdvisoryState, type Status } from "../../operation/index.ts";
import { loadConflicts, type Conflicts } from "./conflicts.ts";
import { describeDeployments, findRunning, findUndeployed, joinExposures } from "./describe-deployed.ts";
import { describeImageFindings, scheduleByPass } from "./describe-remedies.ts";
import { findExposure } from "./exposure.ts";
import { loadFindings, type Findings } from "./load-findings.ts";
import { loadRebuildsInFlight, type InFlight } from "./rebuilds-in-flight.ts";
import { loadUpstreamStates, type UpstreamState } from "./upstream-states.ts";

type ImageState = Status["images"][number];

/** The fleet as it stands, from a fixed number of queries whatever its size. */
export interface FleetState {
  readonly images: readonly ImageState[];
  readonly inFlight: readonly InFlight[];
  readonly holds: readonly Hold[];
  readonly upstreams: ReadonlyMap<string, UpstreamState>;
}

/** What the newest pass of planning did not let go. */
const lastPlan = z.object({
  at: z.number(),
  held: z.array(z.object({ image: z.string(), kind: z.string(), until: z.number().nullable(), reason: z.string() })),
});
type LastPlan = z.output<typeof lastPlan>;

/** State of the images of the configuration, of one where it is named. */
export async function loadFleetState(ctx: Context, image?: string): Promise<FleetState> {
  const { store, config } = ctx;
  const [upstreams, pointers, holds, quarantines, failed, planned, declared, remedies, bumps, soaks, places] =
    await Promise.all([
      loadUpstreamStates(ctx),
      store.loadPointers(image),
      store.loadHolds(image),
      store.loadQuarantines(image),
      store.loadLastFailures(),
      store.loadSetting("last-plan"),
      store.loadImages(),
      store.loadImageRemedies(image),
      store.loadBumps(image),
      store.loadSoaks(image),
      store.loadDeployed(image),
    ]);
  const conflicts = await loadConflicts(ctx, pointers, image);
  const inFlight = await loadRebuildsInFlight(ctx, { image, pointers, holds, conflicts });
  const parsed = lastPlan.safeParse(planned);
  const plan = parsed.success ? parsed.data : undefined;
  const named = [...pointers, ...places].flatMap(({ digest }) => digest ?? []);
  const findings = await loadFindings(ctx, [...new Set(named)]);
  const facts: Facts = {
    ctx,
    pointers: groupBy(pointers, (one) => one.image),
    conflicts,
    places: groupBy(places, (one) => one.image),
    soaks: new Map(soaks.map((one) => [`${one.image}:${one.environment}`, one])),
    holds: groupBy(holds, (one) => one.image ?? ""),
    declared: new Map(declared.map((one) => [one.name, one])),
    failed: new Map(failed.map((one) => [one.image, one])),
    inFlight: groupBy(inFlight, (one) => one.rebuild.image),
    plan,
    left: new Map(quarantines.map((one) => [one.image, one])),
    heldByPlan: new Map((plan?.held ?? []).map((one) => [one.image, one])),
    upstreams,
    findings,
    remedies: new Map(remedies.map((one) => [one.image, one])),
    bumps,
    schedule: scheduleByPass(ctx, plan?.held ?? [], inFlight),
    isVouched: describeAdvisories(ctx, upstreams).state === "current",
  };
  const names = image === undefined ? Object.keys(config.images) : [image];
  return { images: names.map((name) => describeImage(facts, name)), inFlight, holds, upstreams };
}

interface Facts {
  readonly ctx: Context;
  readonly pointers: ReadonlyMap<string, readonly Pointer[]>;
  readonly conflicts: Conflicts;
  /** What each place where a deployment runs an image is known to run. */
  readonly places: ReadonlyMap<string, readonly Deployed[]>;
  /** By `IMAGE:ENVIRONMENT`. */
  readonly soaks: ReadonlyMap<string, Soak>;
  /** Those of every image under the empty name. */
  readonly holds: ReadonlyMap<string, readonly Hold[]>;
  /** As the newest plan understood it. */
  readonly declared: ReadonlyMap<string, Image>;
  /** The newest rebuild, where it failed. */
  readonly failed: ReadonlyMap<string, Rebuild>;
  readonly inFlight: ReadonlyMap<string, readonly InFlight[]>;
  readonly plan: LastPlan | undefined;
  /** What was left because it is bad: the newest of each image. */
  readonly left: ReadonlyMap<string, Quarantine>;
  readonly heldByPlan: ReadonlyMap<string, LastPlan["held"][number]>;
  readonly upstreams: ReadonlyMap<string, UpstreamState>;
  readonly findings: ReadonlyMap<Digest, Findings>;
  /** What the newest pass found wrong with each image. */
  readonly remedies: ReadonlyMap<string, ImageRemedy>;
  readonly bumps: readonly Bump[];
  readonly schedule: ScheduleFacts;
  /** Whether the feeds are such that what they do not name is not there. */
  readonly isVouched: boolean;
}

function describeImage(facts: Facts, name: string): ImageState {
  const { config } = facts.ctx;
  const image = config.images[name];
  const pointers = facts.pointers.get(name) ?? [];
  return {
    name,
    recipe: image?.recipe ?? "packages",
    repository: repositoryName(config, name),
    parents: [...(facts.declared.get(name)?.parents ?? [])],
    platforms: image?.platforms ?? [],
    ...judgeImage(facts, name, pointers),
    environments: config.environments.map((environment) => {
      const pointer = pointers.find((one) => one.environment === environment.name);
      const since = pointer?.since ?? null;
      const places = facts.places.get(name) ?? [];
      return {
        name: environment.name,
        digest: pointer?.digest ?? null,
        since: since === null ? null : formatInstant(since),
        soak: pointer === undefined ? null : describeSoak(facts, pointer),
        deployments: describeDeployments(config, name, environment.name, places),
        conflict: facts.conflicts.get(`${name}:${environment.name}`) ?? null,
        exposure: exposureOf(facts, name, pointer, places),
      };
    }),
    findings: describeImageFindings(
      facts.remedies.get(name),
      config.environments
        .flatMap((one) => pointers.find(({ environment }) => environment === one.name)?.digest ?? [])
        .at(-1),
      facts.schedule,
      facts.bumps,
    ),
  };
}

/** Until the running systems use what an environment names, what they used before is as open as it was. */
function exposureOf(
  facts: Facts,
  image: string,
  pointer: Pointer | undefined,
  places: readonly Deployed[],
): ImageState["environments"][number]["exposure"] {
  const { isVouched, findings } = facts;
  const inFlight = facts.inFlight.get(image) ?? [];
  const exposure = (one: Pointer | undefined) =>
    findExposure(one, { findings: one?.digest ? findings.get(one.digest) : undefined, isVouched, inFlight });
  const { config } = facts.ctx;
  if (pointer === undefined || findUndeployed(config, pointer, places) === undefined) return exposure(pointer);
  const running = findRunning(config, pointer, places).map((digest) => exposure({ ...pointer, digest }));
  return joinExposures([exposure(pointer), ...running]);
}

function describeSoak({ ctx, soaks, places }: Facts, pointer: Pointer): ImageState["environments"][number]["soak"] {
  const own = places.get(pointer.image) ?? [];
  const standing = describeStanding(ctx, pointer, soaks.get(`${pointer.image}:${pointer.environment}`), own);
  if (standing.undeployed !== undefined) return null;
  const link = ctx.config.environments.find(({ name }) => name === pointer.environment);
  const now = ctx.clock.now();
  if (link === undefined || !isSoaking(ctx.config, standing, now)) return null;
  const { trouble } = standing;
  const until = trouble === undefined ? formatInstant(now + soakLeft(link, standing, now)) : null;
  return { until, trouble: trouble ?? null };
}

/** The first that holds: what stops an image comes before what it waits for, and `current` needs an upstream that was seen lately and planned since. */
function judgeImage(facts: Facts, name: string, pointers: readonly Pointer[]): Pick<ImageState, "state" | "reason"> {
  const { config } = facts.ctx;
  const hold = [...(facts.holds.get("") ?? []), ...(facts.holds.get(name) ?? [])][0];
  if (hold !== undefined) {
    const where = hold.environment === null ? "" : ` in ${hold.environment}`;
    return { state: "held", reason: `${hold.who} holds it${where}: ${hold.reason}` };
  }
  const running = facts.inFlight.get(name)?.[0];
  if (running !== undefined) return { state: "rebuilding", reason: running.reason };
  const failed = facts.failed.get(name);
  if (failed !== undefined) return { state: "failing", reason: failed.lastError?.message ?? "its rebuild failed" };
  const held = facts.heldByPlan.get(name);
  if (held?.kind === "cool-down") return { state: "waiting", reason: describeUntil(held.reason, held.until) };
  const left = facts.left.get(name);
  if (held !== undefined && held.kind !== "hold") {
    const reason = describeUntil(held.reason, held.until);
    const isLeft = held.kind === "quarantine" && left !== undefined;
    return { state: "held", reason: isLeft ? `${describeLeft(config, left, pointers)}; ${reason}` : reason };
  }
  if (left !== undefined && facts.plan !== undefined && left.createdAt >= facts.plan.at)
    return { state: "held", reason: describeLeft(config, left, pointers) };
  const last = config.environments.at(-1)?.name;
  const inPlace = pointers.some(({ environment, digest }) => environment === last && digest !== null);
  if (pointers.length === 0) return { state: "unbuilt", reason: "nothing of it runs yet" };
  const doubt = findDoubt(facts, name);
  if (doubt !== undefined) return { state: "unknown", reason: doubt };
  const undeployed = findNotRunning(facts, name, pointers);
  if (undeployed !== undefined) return { state: "unknown", reason: undeployed };
  if (!inPlace) return { state: "unknown", reason: `nothing has reached ${last ?? "an environment"}` };
  return { state: "current", reason: "runs all that its suites offer" };
}

/** The environment whose running systems do not use what it names, and why. */
function findNotRunning({ ctx, places }: Facts, name: string, pointers: readonly Pointer[]): string | undefined {
  for (const pointer of pointers) {
    const reason = findUndeployed(ctx.config, pointer, places.get(name) ?? []);
    if (reason !== undefined) return `it does not run in ${pointer.environment}: ${reason}`;
  }
  return undefined;
}

/** Why it cannot be said that an image runs all that is offered. */
function findDoubt({ ctx, upstreams, plan, declared }: Facts, name: string): string | undefined {
  const { distro, bases } = declared.get(name)?.definition ?? {};
  const upstream = typeof distro === "string" ? distro : (ctx.config.images[name]?.upstream ?? "");
  const suites = (ctx.suites.get(upstream) ?? []).map((source) => source.name);
  if (suites.length === 0) return "no suite is watched for it";
  if (plan === undefined) return "nothing has been planned yet";
  const watched = [...suites, ...(Array.isArray(bases) ? bases.map(String) : [])];
  for (const one of watched) {
    const state = upstreams.get(one);
    if (state?.isFresh !== true) return `${one}: ${state?.view.problem ?? "never looked at"}`;
    if (state.changed !== undefined && state.changed > plan.at) return `${one} changed and is not planned yet`;
  }
  return undefined;
}

const longestReason = 300;

/** What serves in the last environment, what was tried instead and why it is not to come again. */
function describeLeft(config: Context["config"], left: Quarantine, pointers: readonly Pointer[]): string {
  const last = config.environments.at(-1)?.name;
  const serving = pointers.find(({ environment }) => environment === last)?.digest;
  const serves = last === undefined || !serving ? "" : `${last} serves ${shortDigest(serving)}; `;
  const why = left.reason.length > longestReason ? `${left.reason.slice(0, longestReason)}…` : left.reason;
  return `${serves}${shortDigest(left.digest)} was left (${left.who}): ${why}`;
}

function describeUntil(reason: string, until: Instant | null): string {
  return until === null ? reason : `${reason} until ${formatInstant(until).slice(0, 16).replace("T", " ")}Z`;
}

/** What is known of advisories. */
export function describeAdvisories(ctx: Context, upstreams: ReadonlyMap<string, UpstreamState>): AdvisoryState {
  if (ctx.feeds.length === 0) return { state: "unknown", reason: "no feed", asOf: null };
  const feeds = [...upstreams.values()].filter(({ view }) => view.kind === "feed");
  const seen = feeds.map(({ view }) => view.lastSuccess).sort((a, b) => (a ?? "").localeCompare(b ?? ""));
  const asOf = seen[0] ?? null;
  const old = feeds.find(({ isFresh }) => !isFresh);
  if (old === undefined) return { state: "current", reason: null, asOf };
  return { state: asOf === null ? "unknown" : "stale", reason: `${old.view.name}: ${old.view.problem ?? "old"}`, asOf };
}

function groupBy<T>(all: readonly T[], key: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(key(one));
    if (group === undefined) groups.set(key(one), [one]);
    else group.push(one);
  }
  return groups;
}
