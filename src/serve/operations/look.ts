import { parsePushNotification } from "../../core/base/index.ts";
import { formatReference, parseReference } from "../../core/image/index.ts";
import type { Context } from "../../loop/context.ts";
import type { OperationHandlers } from "../../operation/index.ts";

export interface LookDeps {
  /** Asks the upstreams; one that does not answer is written down, not thrown. */
  readonly refresh: () => Promise<void>;
  /** Makes the loop plan what was seen; nothing depends on it. */
  readonly wake: () => void;
}

/** `look`: what is remembered of these references is asked anew, the upstreams are looked at now, and the loop goes on. A call that is lost costs delay, never more. Throws BAD_REFERENCE. */
export function createLook(ctx: Context, { refresh, wake }: LookDeps): OperationHandlers["look"] {
  return async ({ references, notification }) => {
    const told = notification === undefined ? undefined : parsePushNotification(notification);
    const pushed = [...references.map(parseReference), ...(told?.kind === "pushed" ? told.references : [])];
    for (const reference of pushed) ctx.bases.asker.forget(reference);
    const isMeant = notification === undefined || told?.kind === "pushed" || references.length > 0;
    if (isMeant) {
      await refresh();
      wake();
    }
    return { references: pushed.map(formatReference), problem: told?.kind === "unknown" ? told.reason : null };
  };
}
