import type { Context } from "../../loop/context.ts";
import { formatInstant, type OperationHandlers, type Status } from "../../operation/index.ts";
import { describeAdvisories, loadFleetState } from "./fleet-state.ts";
import type { Answerer } from "./status.ts";

/** `summary`: the fleet in a dozen numbers. Images that are `unbuilt` or `unknown` count in none but `images`. */
export function createSummary(ctx: Context, { version }: Pick<Answerer, "version">): OperationHandlers["summary"] {
  return async () => {
    const last = ctx.config.environments.at(-1)?.name ?? "";
    const [fleet, alarms, counts] = await Promise.all([
      loadFleetState(ctx),
      ctx.store.loadAlarms(),
      ctx.store.loadPromotionCounts(last),
    ]);
    const count = (state: Status["images"][number]["state"]) =>
      fleet.images.filter((image) => image.state === state).length;
    return {
      version,
      at: formatInstant(ctx.clock.now()),
      advisories: describeAdvisories(ctx, fleet.upstreams),
      images: fleet.images.length,
      current: count("current"),
      waiting: count("waiting"),
      rebuilding: count("rebuilding"),
      held: count("held"),
      failing: count("failing"),
      alarms: alarms.length,
      promotions: counts.promotions,
      rollbacks: counts.rollbacks,
      secondsFixToProduction: counts.secondsFixToPromotion,
    };
  };
}
