import type { Config } from "../../core/config/index.ts";
import type { Store } from "../../io/store/index.ts";
import type { Clock } from "../../lib/index.ts";
import { OperationError, type OperationHandlers } from "../../operation/index.ts";
import { describeHold } from "./describe-hold.ts";
import { requireEnvironment, requireImage } from "./find-name.ts";

export interface HoldDeps {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
}

/** Puts a person's hold down. Throws NOT_FOUND for an image or environment that is not declared, BAD_INPUT for an end that has passed. */
export function createHold({ config, store, clock }: HoldDeps): OperationHandlers["hold"] {
  return async ({ image, environment, by, reason, until }) => {
    if (image !== undefined) requireImage(config, image);
    if (environment !== undefined) requireEnvironment(config, environment);
    const end = until === undefined ? null : Date.parse(until);
    if (end !== null && end <= clock.now()) {
      throw new OperationError("BAD_INPUT", `hold: ${until} has passed: the hold would end before it begins`, {
        hint: "Name a later end, or none: then it stands until it is resumed.",
      });
    }
    const hold = await store.saveHold({
      image: image ?? null,
      environment: environment ?? null,
      byPerson: true,
      who: by,
      reason,
      until: end,
    });
    return { hold: describeHold(hold) };
  };
}
