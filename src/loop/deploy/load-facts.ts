import type { DeploymentFacts, Observed } from "../../core/deploy/index.ts";
import type { Place } from "../../io/deploy/index.ts";
import type { Deployment } from "../../io/store/index.ts";
import type { Context } from "../context.ts";

/** What is to be known of a place before it is decided what is done there. */
export interface PlaceFacts extends DeploymentFacts {
  /** The attempt that has not ended. */
  readonly open: Deployment | undefined;
  /** Why the environment came to what it names. */
  readonly reason: string;
}

/** Attempts that are looked at: whose hand it was that made a place run a digest is asked of these. */
const mostAttempts = 200;
const mostReason = 1000;

/** Asks the store, and the target what it runs. */
export async function loadPlaceFacts(
  ctx: Context,
  place: Place,
  observe: () => Promise<Observed>,
): Promise<PlaceFacts> {
  const { store, clock } = ctx;
  const { deployment: name, image, environment } = place;
  const observed = await observe();
  const [pointers, places, attempts, holds, quarantines] = await Promise.all([
    store.loadPointers(image),
    store.loadDeployed(image),
    store.loadDeployments({ name, image, limit: mostAttempts }),
    store.loadHolds(image),
    store.loadQuarantines(image),
  ]);
  const pointer = pointers.find((one) => one.environment === environment);
  const promotion = pointer?.promotion ?? null;
  const move = promotion === null ? undefined : (await store.loadPromotionsById([promotion])).get(promotion);
  const hold = holds.find(
    (one) =>
      (one.environment === null || one.environment === environment) && (one.until === null || one.until > clock.now()),
  );
  const open = attempts.find(({ state }) => state === "intent" || state === "applied" || state === "failing");
  return {
    wanted:
      pointer?.digest === null || pointer === undefined
        ? undefined
        : { digest: pointer.digest, promotion, kind: move?.kind ?? "forward" },
    current: places.find((one) => one.name === name)?.digest ?? undefined,
    attempts: attempts.map((one) => ({ ...one, takenOver: one.detail["takenOver"] === true })),
    observed,
    quarantined: new Set(quarantines.map(({ digest }) => digest)),
    held: hold && `on hold: ${hold.reason} (${hold.who})`,
    forced: open !== undefined && isForced(open),
    open,
    reason: (move?.reason ?? `${environment} names it`).slice(0, mostReason),
  };
}

/** Whether a person says that an attempt's digest is to run there, whatever runs there now. */
export function isForced({ by }: Pick<Deployment, "by">): boolean {
  return by !== "tidemill";
}
