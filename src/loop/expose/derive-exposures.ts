import type { Signals } from "../../core/advisory/index.ts";
import { deploymentsOf, type Config } from "../../core/config/index.ts";
import {
  collectFacts,
  deadlinesOf,
  deriveLives,
  isCure,
  milestones,
  runningOf,
  warnedFrom,
  type CollectedExposure,
  type ExposureHistory,
  type ExposureLife,
  type KnownDigest,
  type PlacedDigest,
  type SloPolicy,
} from "../../core/exposure/index.ts";
import type { DerivedExposures, Exposure, ExposureFacts } from "../../io/store/index.ts";

/** What exposures are judged by, beside the facts of the store. */
export interface Judging {
  readonly config: Config;
  readonly policy: SloPolicy;
  readonly signals: Signals;
}

/** The exposures of some images, from all that is known of them, and what their rebuilds were good for. */
export function deriveExposures(judging: Judging, facts: ExposureFacts): DerivedExposures {
  const exposures = deriveRows(judging, facts);
  const closedBy = new Map<string, number>();
  for (const { image, digest, endKind } of exposures)
    if (endKind !== null && isCure(endKind))
      closedBy.set(`${image} ${digest}`, (closedBy.get(`${image} ${digest}`) ?? 0) + 1);
  const rebuilds = facts.rebuilds.map(({ id, image, state, candidate, finished }) => ({
    rebuild: id,
    image,
    state,
    finished,
    labels: labelsOf(judging.config, image),
    closed: state === "promoted" ? (closedBy.get(`${image} ${candidate}`) ?? 0) : 0,
  }));
  return { exposures, rebuilds };
}

function deriveRows(judging: Judging, facts: ExposureFacts): Exposure[] {
  const { config } = judging;
  const movesOf = Map.groupBy(facts.moves, ({ image }) => image);
  return facts.images.flatMap(({ name, retiredAt }) => {
    const own = Map.groupBy(movesOf.get(name) ?? [], ({ environment }) => environment);
    const settled = settledBy(facts, name);
    return [...own].flatMap(([environment, moves]) => {
      const history: ExposureHistory = {
        placements: placementsOf(config, facts, moves),
        findings: facts.findings,
        known: facts.known,
        digests: digestsOf(facts, name, environment, moves),
        retiredAt: retiredAt ?? undefined,
        remembered: facts.remembered.filter((row) => row.image === name && row.environment === environment),
        settled,
      };
      return collectFacts(history).flatMap((one) =>
        deriveLives(one.facts).map((life) => rowOf({ image: name, environment }, one, life, judging)),
      );
    });
  });
}

type Moves = ExposureFacts["moves"];

function placementsOf(config: Config, facts: ExposureFacts, moves: Moves): PlacedDigest[] {
  return moves.map(({ image, environment, promotion, digest, fence, confirmedAt }, at) => {
    const placed = { promotion, digest, since: confirmedAt, until: moves[at + 1]?.confirmedAt };
    const attempts = facts.deployments.filter((one) => one.image === image && one.environment === environment);
    return {
      ...placed,
      turn: fence,
      inventories: facts.digests.find((one) => one.image === image && one.digest === digest)?.inventories ?? [],
      running: runningOf(placed, deploymentsOf(config, image, environment), attempts),
    };
  });
}

function digestsOf(facts: ExposureFacts, image: string, environment: string, moves: Moves): KnownDigest[] {
  const placed = new Set(moves.map(({ digest }) => digest));
  return facts.digests
    .filter((one) => one.image === image)
    .map(({ digest, rebuild, createdAt, inventories, isCandidate }) => ({
      digest,
      rebuild: rebuild ?? undefined,
      builtAt: createdAt,
      inventories,
      isCandidate: isCandidate && !placed.has(digest),
      verifiedAt: facts.verifications.find(
        (one) => one.image === image && one.digest === digest && one.environment === environment,
      )?.passedAt,
    }));
}

/** Since when somebody's word sets a finding aside, by what the newest pass found. */
function settledBy({ cures }: ExposureFacts, image: string): ExposureHistory["settled"] {
  const row = cures.find((one) => one.image === image);
  const since = new Map<string, number>();
  for (const { ids, packages, remedy } of row?.cures ?? []) {
    if (remedy.kind !== "accepted") continue;
    for (const id of ids) for (const name of packages) since.set(`${id} ${name}`, remedy.since ?? row?.at ?? 0);
  }
  return (advisory, name) => since.get(`${advisory} ${name}`);
}

function rowOf(
  place: Pick<Exposure, "image" | "environment">,
  { advisory, aliases, severity }: CollectedExposure,
  { life, clock, end, turn, digest }: ExposureLife,
  { config, policy, signals }: Judging,
): Exposure {
  const at = (milestone: keyof typeof clock): number | null => clock[milestone]?.at ?? null;
  const exploited = [advisory, ...aliases].flatMap((id) => signals.exploitedOf(id) ?? [])[0];
  const known = {
    severity,
    labels: labelsOf(config, place.image),
    exploitedSince: exploited?.since ?? null,
    kevDue: exploited?.due ?? null,
    published: at("published"),
    fixAvailable: at("fix-available"),
    detected: clock.detected.at,
    closed: at("closed"),
    endKind: end ?? null,
  };
  const deadlines = deadlinesOf({ ...known, environment: place.environment }, policy.rules);
  const nearest = deadlines.find(({ framework }) => policy.watched.has(framework));
  return {
    ...place,
    ...known,
    due: Object.fromEntries(deadlines.map((one) => [one.framework, one.at])),
    dueAt: nearest?.at ?? null,
    dueRule: nearest === undefined ? null : `${nearest.framework}: ${nearest.rule}`,
    warnAt: nearest === undefined ? null : Math.floor(warnedFrom(nearest, policy.warn)),
    advisory,
    life,
    turn,
    aliases,
    built: at("built"),
    verified: at("verified"),
    promoted: at("promoted"),
    deployed: at("deployed"),
    digest: digest ?? null,
    sources: Object.fromEntries(
      milestones.flatMap((milestone) => {
        const source = clock[milestone]?.source;
        return source === undefined ? [] : [[milestone, source]];
      }),
    ),
  };
}

/** Of an image's labels those that reports group by. */
export function labelsOf(config: Config, image: string): Record<string, string> {
  const own = config.images[image];
  const labels: Readonly<Record<string, string>> = own?.labels ?? {};
  return Object.fromEntries(
    config.slo.labels.flatMap((key) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
      return value === undefined ? [] : [[key, value.slice(0, 200)]];
    }),
  );
}
