import { kindOfPredicate } from "../../core/evidence/index.ts";
import { diffPackages, type Inventory } from "../../core/inventory/index.ts";
import type {
  AuditRow,
  Deployment,
  EvidenceRow,
  ImageDigest,
  Pointer,
  Promotion,
  Verification,
} from "../../io/store/index.ts";
import { isDigest, type Digest } from "../../lib/index.ts";
import type { CandidateDetail, Context } from "../../loop/context.ts";
import {
  describeCause,
  formatInstant,
  matchDigest,
  OperationError,
  type OperationHandlers,
  type PackageDifferenceView,
  type Why,
} from "../../operation/index.ts";
import { describeChain, findOrigin, loadSteps, type Step } from "./chain.ts";
import { describeBumps } from "./describe-bumps.ts";
import { loadConflicts } from "./conflicts.ts";
import { describeLayers } from "./describe-layers.ts";
import { describeLives, loadLives } from "./finding-lives.ts";
import { describeApproval, loadRebuildsInFlight } from "./rebuilds-in-flight.ts";

/** `why`: why a digest exists, back to the first observation, and what it changed. Throws NOT_FOUND, BAD_INPUT. */
export function createWhy(ctx: Context): OperationHandlers["why"] {
  return async ({ image, digest: asked }) => {
    const { store } = ctx;
    const [pointers, known, promotions] = await Promise.all([
      store.loadPointers(image),
      store.loadImageDigests(image),
      store.loadPromotions({ image, states: ["confirmed"], limit: 1000 }),
    ]);
    const digest = chooseDigest(ctx, image, asked, { pointers, known, promotions });
    const own = known.find((one) => one.digest === digest) ?? (await store.loadImageDigest(image, digest));
    const [rebuilds, verifications, quarantines, moves, deployments] = await Promise.all([
      store.loadRebuilds({ image, candidate: digest, limit: 100 }),
      store.loadVerifications({ image, digest }),
      store.loadQuarantines(image),
      store.loadPromotions({ image, digest, states: ["confirmed"], limit: 1000 }),
      store.loadDeployments({ image, digest, limit: 1000 }),
    ]);
    const previous = findPrevious(ctx, digest, own, moves);
    const before = previous === undefined ? undefined : await store.loadImageDigest(image, previous);
    const inventories = await store.loadInventories(
      [own, before].flatMap((one) => Object.values(one?.inventories ?? {})),
    );
    const rebuild = findOrigin(rebuilds);
    const steps = rebuild === undefined ? [] : await loadSteps(ctx, rebuild);
    const lives = await loadLives(ctx, image);
    const packages = diffPlatforms(previous === undefined, before, own, inventories);
    const isCurrent = digest === chooseDigest(ctx, image, undefined, { pointers, known, promotions });
    const policies = policiesOf(await store.loadAuditOf(image, digest));
    return {
      image,
      digest,
      previous: previous ?? null,
      environments: pointers.filter((one) => one.digest === digest).map(({ environment }) => environment),
      quarantined: quarantines.find((one) => one.digest === digest)?.reason ?? null,
      rebuild:
        rebuild === undefined
          ? null
          : {
              id: rebuild.id,
              state: rebuild.state,
              queuedAt: formatInstant(rebuild.createdAt),
              builtAt: own === undefined ? null : formatInstant(own.createdAt),
              seconds:
                own === undefined || own.createdAt < rebuild.createdAt
                  ? null
                  : (own.createdAt - rebuild.createdAt) / 1000,
            },
      waits: await findWait(ctx, image, digest, pointers),
      approvals: (await store.loadApprovals({ image, digests: [digest] })).map(describeApproval),
      made: describeOrigin(own),
      chain: await describeChain(ctx, steps),
      packages,
      advisories: collectAdvisories(steps),
      findings: describeLives(lives, digest),
      bumps: describeBumps(image, await store.loadBumps(image), packages, isCurrent),
      layers: await describeLayers(ctx, { image, digest, previous, own, before, inventories }),
      verifications: verifications.map((one) => ({
        ...describeVerification(one),
        policy: policies.get(one.id) ?? null,
      })),
      evidence: (await store.loadEvidence(image, digest)).flatMap(describeEvidence),
      promotions: moves.toReversed().map((one) => ({ ...describeMove(one), policy: policies.get(one.id) ?? null })),
      deployments: deployments.toReversed().map(describeDeployment),
    };
  };
}

/** What a digest that is on its way waits for. */
async function findWait(
  ctx: Context,
  image: string,
  digest: Digest,
  pointers: readonly Pointer[],
): Promise<Why["waits"]> {
  const holds = await ctx.store.loadHolds(image);
  const conflicts = await loadConflicts(ctx, pointers, image);
  const inFlight = await loadRebuildsInFlight(ctx, { image, pointers, holds, conflicts });
  const own = inFlight.find(({ rebuild }) => rebuild.candidate === digest);
  if (own?.waits === undefined) return null;
  return { reason: own.waits, until: own.until === undefined ? null : formatInstant(own.until) };
}

function describeOrigin(own: ImageDigest | undefined): Why["made"] {
  const { origin } = (own?.detail ?? {}) as Partial<CandidateDetail>;
  if (origin === undefined) return null;
  const from = Object.entries(origin.bases).map(([name, digest]) => ({ name, digest }));
  return { remedy: origin.remedy, reason: origin.why, from, source: origin.source ?? null };
}

interface Known {
  readonly pointers: readonly Pointer[];
  readonly known: readonly ImageDigest[];
  readonly promotions: readonly Promotion[];
}

/** The digest that is meant: the one that begins so, else what the last environment runs, else the newest candidate. */
function chooseDigest(ctx: Context, image: string, asked: string | undefined, facts: Known): Digest {
  const { pointers, known, promotions } = facts;
  const all = [...known.map(({ digest }) => digest), ...promotions.map(({ digest }) => digest)];
  if (asked !== undefined && all.length > 0) return matchDigest(asked, all, image);
  const last = ctx.config.environments.at(-1)?.name;
  const found = pointers.find(({ environment }) => environment === last)?.digest ?? known[0]?.digest;
  if (found !== undefined) return found;
  if (Object.hasOwn(ctx.config.images, image)) {
    throw new OperationError("NOT_FOUND", `${image} has not been built yet`, {
      hint: "`tidemill plan` shows what waits to be built; `tidemill run` builds it.",
    });
  }
  throw new OperationError("NOT_FOUND", `there is no image ${image}`, { hint: "`tidemill status` names the images." });
}

/** What it took over from: in the last environment that it came to, else what ran when it was built. Promotions come newest first. */
function findPrevious(
  ctx: Context,
  digest: Digest,
  own: ImageDigest | undefined,
  moves: readonly Promotion[],
): Digest | undefined {
  for (const { name } of ctx.config.environments.toReversed()) {
    const first = moves.findLast(({ environment, kind }) => environment === name && kind === "forward");
    if (first !== undefined) return first.previous ?? undefined;
  }
  const built = own?.detail.previous;
  return typeof built === "string" && isDigest(built) && built !== digest ? built : undefined;
}

/** What changed on any platform among packages of every kind, each change once. Where what was there before is not known, nothing is said to be new. */
function diffPlatforms(
  isFirst: boolean,
  before: ImageDigest | undefined,
  own: ImageDigest | undefined,
  inventories: ReadonlyMap<Digest, Inventory>,
): PackageDifferenceView[] {
  const found = new Map<string, PackageDifferenceView>();
  for (const [platform, key] of Object.entries(own?.inventories ?? {})) {
    const after = inventories.get(key);
    const earlier = before?.inventories[platform];
    if (after === undefined || (!isFirst && earlier === undefined)) continue;
    const was = earlier === undefined ? undefined : inventories.get(earlier);
    for (const { from, to, path, ...one } of diffPackages(was ?? { packages: [] }, after)) {
      const change = { ...one, from: from ?? null, to: to ?? null, path: path ?? null };
      found.set(JSON.stringify(change), change);
    }
  }
  return [...found.values()];
}

/** Each advisory of the chain once for a source package, nearest cause first. */
function collectAdvisories(steps: readonly Step[]): Why["advisories"] {
  const found = new Map<string, Why["advisories"][number]>();
  for (const { cause } of steps) {
    const view = describeCause(cause);
    if (view.kind !== "package") continue;
    const [change] = view.packages;
    for (const advisory of view.advisories) {
      const key = `${advisory.id} ${view.source}`;
      if (found.has(key)) continue;
      found.set(key, { ...advisory, package: view.source, from: change?.from ?? null, to: view.to });
    }
  }
  return [...found.values()];
}

/** By which rules each promotion and verification was decided, by its id: as the audit chain has it. */
function policiesOf(rows: readonly AuditRow[]): Map<unknown, Digest> {
  return new Map(
    rows.flatMap(({ action, detail }): [unknown, Digest][] => {
      const { policy, row, id } = detail as { policy?: unknown; row?: { id?: unknown }; id?: unknown };
      if (typeof policy !== "string" || !isDigest(policy)) return [];
      return [[action === "verified" ? row?.id : id, policy]];
    }),
  );
}

function describeVerification(one: Verification): Omit<Why["verifications"][number], "policy"> {
  return {
    environment: one.environment,
    verdict: one.verdict === "passed" || one.verdict === "failed" ? one.verdict : "incomplete",
    at: formatInstant(one.finishedAt ?? one.startedAt),
    checks: one.checks.map(({ name, verdict, message }) => ({ name, verdict, message })),
  };
}

function describeDeployment(one: Deployment): Why["deployments"][number] {
  const { state, name, environment, by, detail } = one;
  const said = [detail["failure"], detail["ended"], one.reason].find((text) => typeof text === "string");
  return {
    at: formatInstant(one.finishedAt ?? one.appliedAt ?? one.createdAt),
    environment,
    name,
    state: state === "confirmed" ? "deployed" : state === "failed" || state === "ended" ? state : "under-way",
    by,
    reason: said ?? "",
  };
}

/** What is signed and has not arrived yet is none. */
function describeEvidence({ predicate, subject, key, artifact, attachedAt }: EvidenceRow): Why["evidence"] {
  const kind = kindOfPredicate(predicate);
  if (kind === undefined || artifact === null || attachedAt === null) return [];
  return [{ kind, about: subject, predicateType: predicate, key, at: formatInstant(attachedAt), artifact }];
}

function describeMove(promotion: Promotion): Omit<Why["promotions"][number], "policy"> {
  return {
    at: formatInstant(promotion.confirmedAt ?? promotion.createdAt),
    environment: promotion.environment,
    kind: promotion.kind === "forward" ? "promoted" : "rolled-back",
    from: promotion.previous,
    by: promotion.by,
    reason: promotion.reason,
  };
}
