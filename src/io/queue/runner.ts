import { messageOf, type Logger } from "../../lib/index.ts";

/** Runs a handler one at a time: what comes while it runs is one more run. */
export interface Runner {
  wake(): void;
  stop(): void;
}

/** A runner of `handler`, whose failures are logged: the next wake-up tries again. */
export function createRunner(topic: string, handler: () => Promise<void>, log: Logger): Runner {
  let woken = false;
  let running = false;
  let stopped = false;

  const run = async (): Promise<void> => {
    running = true;
    // What is woken in the same moment is one run.
    await Promise.resolve();
    while (woken) {
      woken = false;
      try {
        await handler();
      } catch (error) {
        log.error({ err: error, topic }, `${topic} failed: ${messageOf(error)}`);
      }
    }
    running = false;
  };

  return {
    wake: () => {
      if (stopped) return;
      woken = true;
      if (!running) void run();
    },
    stop: () => {
      stopped = true;
      woken = false;
    },
  };
}
