import { deliverOutbox, receiversOf, tryReceiver } from "./deliver-outbox.ts";
import type { ReceiverConfig } from "./core/config/index.ts";
import type { Context } from "./loop/context.ts";
import { OperationError, type OperationHandlers } from "./operation/index.ts";

/** Whether receivers of notifications can be told, and another try for what they did not take. Throws NOT_FOUND for a receiver that there is not. */
export function createNotifying(ctx: Context): Pick<OperationHandlers, "notifyTest" | "notifyResend"> {
  const chosen = (receiver: string | undefined): ReadonlyMap<string, ReceiverConfig> => {
    const all = receiversOf(ctx.config);
    if (receiver === undefined) return all;
    const found = all.get(receiver);
    if (found !== undefined) return new Map([[receiver, found]]);
    const known = [...all.keys()].join(", ");
    throw new OperationError("NOT_FOUND", `there is no receiver ${receiver}`, {
      hint: known === "" ? "`notifications: { receivers: … }` of the configuration has none." : `There are ${known}.`,
    });
  };
  return {
    notifyTest: async ({ receiver }) => {
      const results = [...chosen(receiver)].map(async ([name, config]) => {
        const sent = await tryReceiver(ctx, name, config);
        return {
          receiver: name,
          told: sent.kind === "sent",
          detail: sent.kind === "sent" ? sent.answer : sent.problem,
        };
      });
      return { results: await Promise.all(results) };
    },
    notifyResend: async ({ receiver }) => {
      const again = await ctx.store.hurryNotifications([...chosen(receiver).keys()]);
      if (again > 0) await deliverOutbox(ctx);
      return { again };
    },
  };
}
