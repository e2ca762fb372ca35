import type { Hold } from "../../io/store/index.ts";
import { formatInstant, type HoldView } from "../../operation/index.ts";

/** A hold in the shape of the contract. */
export function describeHold(hold: Hold): HoldView {
  return {
    id: hold.id,
    image: hold.image,
    environment: hold.environment,
    setBy: hold.byPerson ? "person" : "tidemill",
    by: hold.who,
    reason: hold.reason,
    since: formatInstant(hold.createdAt),
    until: hold.until === null ? null : formatInstant(hold.until),
  };
}
