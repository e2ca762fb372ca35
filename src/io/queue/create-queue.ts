import type { PgBoss } from "pg-boss";
import { messageOf, type Instant, type Logger } from "../../lib/index.ts";
import { bossDatabase } from "./boss-database.ts";
import type { QueueEngine } from "./queue-engine.ts";
import { createRunner, type Runner } from "./runner.ts";

/**
 * Wakes who works. It carries no work: what there is to do stands in the store's rows, and whoever is woken looks there. So a wake-up that is lost
 * costs a delay, one that comes twice nothing, and nothing here throws: what fails is logged.
 */
export interface Queue {
  /** Has the topic's handler run soon, once: here with PGlite, with PostgreSQL in one of the processes that have one. Wake-ups that wait for the same are one. */
  wake(topic: string): Promise<void>;
  /** Sets this process's handler of a topic. It never runs twice at once; woken while it runs, it runs once more. */
  onWake(topic: string, handler: () => Promise<void>): void;
  /** Has the topic woken at a time, also when this process is gone by then; to the second. */
  schedule(at: Instant, topic: string): Promise<void>;
  /** Wakes nobody any more. Does not wait for handlers that run. */
  close(): Promise<void>;
}

export interface QueueOptions {
  readonly log: Logger;
}

/** Seconds. Without a listener a wake-up is found by asking; what was scheduled always is. */
const pollSeconds = { pglite: 1, listening: 2, asking: 0.5 } as const;
const retryMs = [250, 1_000, 5_000];

/** A queue in the database of `engine`. Nothing is loaded, asked or made there before the first use. */
export function createQueue(engine: QueueEngine, options: QueueOptions): Queue {
  const { log } = options;
  const handlers = new Map<string, Runner>();
  const known = new Map<string, Promise<void>>();
  let starting: Promise<PgBoss> | undefined;
  let closed = false;

  const started = (): Promise<PgBoss> => {
    starting ??= startBoss(engine, log).catch((error: unknown) => {
      starting = undefined;
      throw error;
    });
    return starting;
  };
  /** The topic's queue, made once. `short`: of one key one job waits, and it may while another is worked at. */
  const prepared = async (topic: string): Promise<PgBoss> => {
    const boss = await started();
    let made = known.get(topic);
    if (made === undefined) {
      made = boss.createQueue(topic, {
        policy: "short",
        notify: engine.listen !== undefined,
        retryLimit: 0,
        expireInSeconds: 15,
        deleteAfterSeconds: 60,
      });
      known.set(topic, made);
      made.catch(() => known.delete(topic));
    }
    await made;
    return boss;
  };
  const send = async (topic: string, key: string, at?: Instant): Promise<void> => {
    if (closed) return;
    try {
      const boss = await prepared(topic);
      await boss.send(topic, null, { singletonKey: key, ...(at === undefined ? {} : { startAfter: new Date(at) }) });
    } catch (error) {
      log.warn({ err: error, topic }, `a wake-up was not sent: ${messageOf(error)}`);
    }
  };
  const listenTo = async (topic: string, runner: Runner, attempt: number): Promise<void> => {
    if (closed) return;
    try {
      const boss = await prepared(topic);
      const listening = engine.listen === undefined ? pollSeconds.asking : pollSeconds.listening;
      const pollingIntervalSeconds = engine.kind === "pglite" ? pollSeconds.pglite : listening;
      const notifyPollingIntervalSeconds = pollingIntervalSeconds;
      // The job is done once it was heard: the handler may take hours, and may stop with its process.
      await boss.work(topic, { pollingIntervalSeconds, notifyPollingIntervalSeconds, batchSize: 100 }, () => {
        runner.wake();
        return Promise.resolve();
      });
    } catch (error) {
      log.warn({ err: error, topic }, `wake-ups are not heard yet: ${messageOf(error)}`);
      const pause = retryMs[Math.min(attempt, retryMs.length - 1)];
      setTimeout(() => void listenTo(topic, runner, attempt + 1), pause).unref();
    }
  };

  return {
    wake: async (topic) => {
      const here = handlers.get(topic);
      if (engine.kind === "pglite" && here !== undefined && !closed) return here.wake();
      await send(topic, "now");
    },
    onWake: (topic, handler) => {
      if (handlers.has(topic)) throw new TypeError(`${topic} has a handler`);
      const runner = createRunner(topic, handler, log);
      handlers.set(topic, runner);
      void listenTo(topic, runner, 0);
    },
    schedule: (at, topic) => {
      const second = Math.ceil(at / 1000);
      return send(topic, `at-${second}`, second * 1000);
    },
    close: async () => {
      if (closed) return;
      closed = true;
      for (const runner of handlers.values()) runner.stop();
      const boss = await starting?.catch(() => undefined);
      await boss?.stop({ graceful: true, timeout: 2_000 }).catch((error: unknown) => {
        log.warn({ err: error }, `the queue did not stop cleanly: ${messageOf(error)}`);
      });
    },
  };
}

async function startBoss(engine: QueueEngine, log: Logger): Promise<PgBoss> {
  // Loaded late: most commands wake nobody, and it is 50 ms and 10 MB.
  const { PgBoss: Boss } = await import("pg-boss");
  const boss = new Boss({
    db: bossDatabase(engine),
    backend: engine.kind,
    useListenNotify: engine.listen !== undefined,
    schedule: false,
    registerInstance: false,
    reindex: false,
    monitorVacuum: false,
    superviseIntervalSeconds: 30,
    monitorIntervalSeconds: 30,
    maintenanceIntervalSeconds: 60,
    flowIntervalSeconds: 3600,
    bamIntervalSeconds: 3600,
  });
  boss.on("error", (error) => log.warn({ err: error }, `the queue: ${error.message}`));
  boss.on("warning", ({ message }) => log.debug(`the queue: ${message}`));
  return boss.start();
}
