import type { Config } from "../../core/config/index.ts";
import type { Hold, Store } from "../../io/store/index.ts";
import type { Clock } from "../../lib/index.ts";
import type { OperationHandlers } from "../../operation/index.ts";
import { describeHold } from "./describe-hold.ts";
import { requireEnvironment, requireImage } from "./find-name.ts";

export interface ResumeDeps {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
}

/**
 * Lifts the holds on exactly what is named; asked for by a person, so those that a person set as well. Throws NOT_FOUND for a name that is neither
 * declared nor that of a hold: what a hold outlived can still be resumed.
 */
export function createResume({ config, store, clock }: ResumeDeps): OperationHandlers["resume"] {
  return async ({ image, environment, by, reason }) => {
    const standing = await store.loadHolds();
    if (image !== undefined && !standing.some((hold) => hold.image === image)) requireImage(config, image);
    if (environment !== undefined && !standing.some((hold) => hold.environment === environment))
      requireEnvironment(config, environment);
    const now = clock.now();
    const lifted = await store.saveHoldsLifted({
      image: image ?? null,
      environment: environment ?? null,
      byPerson: true,
      who: by,
      reason,
    });
    return { lifted: lifted.filter((hold) => stood(hold, now)).map(describeHold) };
  };
}

/** One whose end had passed held nothing back any more. */
function stood(hold: Hold, now: number): boolean {
  return hold.until === null || hold.until > now;
}
