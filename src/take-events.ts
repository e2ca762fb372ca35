import { messageOf } from "./lib/index.ts";
import { watchTold } from "./loop/watch/index.ts";
import { createHooks, createInbox, type Metrics } from "./serve/index.ts";
import { loopTopic } from "./fleet-operations.ts";
import type { Fleet } from "./fleet.ts";

const topic = "events";
/** What comes within this time is one look. */
const gatherMs = 1_000;
const retryMs = 30_000;
/** A copy that comes later than this is taken for a new event. */
const keptMs = 7 * 24 * 3_600_000;

/** What others tell of by webhook: taken in at once, looked into soon. */
export interface EventIntake {
  readonly hooks: ReturnType<typeof createHooks>;
  /** Looks into what is told from now on, and what waits since before. */
  begin(): void;
  /** Forgets what was looked into long ago. */
  keepUp(): Promise<void>;
}

/** The intake of a fleet's `webhooks:`; undefined where it has none. */
export function takeEvents({ ctx, queue }: Fleet, metrics: Metrics): EventIntake | undefined {
  const { webhooks } = ctx.config;
  if (Object.keys(webhooks).length === 0) return undefined;
  const inbox = createInbox(ctx.store.saveEvents, { onNew: () => void queue.wake(topic) });
  const look = async (): Promise<void> => {
    try {
      await ctx.clock.sleep(gatherMs, ctx.signal);
      if ((await watchTold(ctx)).isPlanDue) await queue.wake(loopTopic);
    } catch (error) {
      if (ctx.signal.aborted) return;
      // They still wait: nothing is lost but time.
      ctx.log.error({ err: error }, `what was told could not be looked into: ${messageOf(error)}`);
      await queue.schedule(ctx.clock.now() + retryMs, topic);
    }
  };
  return {
    hooks: createHooks({
      endpoints: webhooks,
      inbox,
      clock: ctx.clock,
      logger: ctx.log,
      onOutcome: (endpoint, outcome) => metrics.countDelivery(endpoint, outcome),
    }),
    begin: () => {
      queue.onWake(topic, look);
      void queue.wake(topic);
    },
    keepUp: async () => void (await ctx.store.removeEvents(ctx.clock.now() - keptMs)),
  };
}
