import type { BumpLease } from "../../io/store/index.ts";
import { AppError } from "../../lib/index.ts";
import { leaseMs, type Context } from "../context.ts";

/** The bump is another's by now: whatever was under way is to be left to it. */
export class BumpLostError extends AppError<"BUMP_LOST"> {}

/** Has `work` done under a lease that is renewed meanwhile and given back afterwards. Its signal is aborted when the lease is lost; `confirm` throws BUMP_LOST where the store has given it to another. */
export async function underLease(
  ctx: Context,
  lease: BumpLease,
  work: (means: { readonly signal: AbortSignal; readonly confirm: () => Promise<void> }) => Promise<void>,
): Promise<void> {
  const lost = new AbortController();
  const lose = (): BumpLostError => {
    const error = new BumpLostError("BUMP_LOST", `${lease.bump.package} is worked at by another`, { retry: true });
    lost.abort(error);
    return error;
  };
  const renewal = setInterval(() => {
    ctx.store.renewBump(lease, leaseMs).then(
      (renewed) => {
        if (!renewed) lose();
      },
      // The store may be back before the lease ends.
      () => undefined,
    );
  }, leaseMs / 4);
  try {
    await work({
      signal: AbortSignal.any([ctx.signal, lost.signal]),
      confirm: async () => {
        if (!(await ctx.store.renewBump(lease, leaseMs))) throw lose();
      },
    });
  } finally {
    clearInterval(renewal);
    await ctx.store.releaseBump(lease).catch(() => undefined);
  }
}
