import type { DeployLease } from "../../io/store/index.ts";
import { AppError } from "../../lib/index.ts";
import { leaseMs, type Context } from "../context.ts";

/** The place is another's by now: whatever was under way there is to be left to it. */
export class DeployError extends AppError<"PLACE_LOST"> {}

export interface KeptLease {
  /** Aborted when the lease is lost or the process stops. */
  readonly signal: AbortSignal;
  /** Throws PLACE_LOST where the store has given the place to another. */
  readonly confirm: () => Promise<void>;
  readonly isLost: () => boolean;
  readonly end: () => void;
}

/** Renews the lease of a place for as long as somebody works there. */
export function keepLease(ctx: Context, lease: DeployLease): KeptLease {
  const lost = new AbortController();
  const lose = (): DeployError => {
    const error = new DeployError("PLACE_LOST", `${lease.image} in ${lease.name} is worked at by another`, {
      retry: true,
    });
    lost.abort(error);
    return error;
  };
  const renewal = setInterval(() => {
    ctx.store.renewPlace(lease, leaseMs).then(
      (renewed) => {
        if (!renewed) lose();
      },
      // The store may be back before the lease ends.
      () => undefined,
    );
  }, leaseMs / 4);
  return {
    signal: AbortSignal.any([ctx.signal, lost.signal]),
    confirm: async () => {
      if (!(await ctx.store.renewPlace(lease, leaseMs))) throw lose();
    },
    isLost: () => lost.signal.aborted,
    end: () => clearInterval(renewal),
  };
}
