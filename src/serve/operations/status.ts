import type { Alarm, Exposure, Promotion, Quarantine } from "../../io/store/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import { formatInstant, type AdvisoryState, type OperationHandlers, type Status } from "../../operation/index.ts";
import { describeHold } from "./describe-hold.ts";
import { requireImage } from "./find-name.ts";
import { describeAdvisories, loadFleetState } from "./fleet-state.ts";
import { describeInFlight } from "./rebuilds-in-flight.ts";

/** Who answers. */
export interface Answerer {
  readonly version: string;
  /** The server of this process; null where the command opened the state itself. */
  readonly server: () => Status["server"];
}

const recentPromotions = 20;

/** `status`: everything that an operator looks at first; of one image where it is named. Throws NOT_FOUND. */
export function createStatus(ctx: Context, answerer: Answerer): OperationHandlers["status"] {
  return async ({ image }) => {
    if (image !== undefined) requireImage(ctx.config, image);
    const { store } = ctx;
    const only = image === undefined ? {} : { image };
    const environments = ctx.config.environments.map(({ name }) => name);
    const [fleet, alarms, quarantines, promotions, worst] = await Promise.all([
      loadFleetState(ctx, image),
      store.loadAlarms(),
      store.loadQuarantines(image),
      store.loadPromotions({ states: ["confirmed"], limit: recentPromotions, ...only }),
      store.loadWorstExposure(environments, image),
    ]);
    const now = ctx.clock.now();
    const advisories = describeAdvisories(ctx, fleet.upstreams);
    return {
      version: answerer.version,
      at: formatInstant(now),
      server: answerer.server(),
      advisories,
      worst: describeWorst(worst, advisories, now),
      alarms: alarms.map(describeAlarm),
      images: [...fleet.images],
      rebuilds: fleet.inFlight.map((one) => describeInFlight(ctx, one)),
      holds: fleet.holds.map(describeHold),
      quarantines: quarantines.map(describeQuarantine),
      upstreams: [...fleet.upstreams.values()].map(({ view }) => view),
      promotions: promotions.map(describePromotion),
    };
  };
}

/** Without a feed nothing is known, not even of what an earlier one found. */
function describeWorst(row: Exposure | undefined, { state, reason }: AdvisoryState, now: Instant): Status["worst"] {
  if (state === "unknown" || (row === undefined && state !== "current"))
    return { state: "unknown", reason, exposure: null };
  if (row === undefined) return { state: "none", reason: null, exposure: null };
  const { image, environment, advisory, severity, exploitedSince, detected, dueAt, dueRule } = row;
  const deadline =
    dueAt === null || dueRule === null ? null : { rule: dueRule, at: formatInstant(dueAt), missed: now > dueAt };
  const exploited = exploitedSince !== null;
  const since = formatInstant(detected);
  return {
    state: "open",
    reason: null,
    exposure: { image, environment, advisory, severity, exploited, since, deadline },
  };
}

function describeAlarm({ key, code, subject, message, hint, since }: Alarm): Status["alarms"][number] {
  return { id: key, code, subject, message, hint, since: formatInstant(since) };
}

function describeQuarantine({ image, digest, createdAt, who, reason }: Quarantine): Status["quarantines"][number] {
  return { image, digest, since: formatInstant(createdAt), by: who, reason };
}

function describePromotion(promotion: Promotion): Status["promotions"][number] {
  return {
    at: formatInstant(promotion.confirmedAt ?? promotion.createdAt),
    image: promotion.image,
    environment: promotion.environment,
    from: promotion.previous,
    to: promotion.digest,
    kind: promotion.kind === "forward" ? "promoted" : "rolled-back",
    reason: promotion.reason,
  };
}
