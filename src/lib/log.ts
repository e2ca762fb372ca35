import { pino, destination, type Logger } from "pino";

export type { Logger };

/** A JSON-lines logger on standard error; `level` is pino's (`silent`, `error`, `warn`, `info`, `debug`). */
export function createLogger(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination({ fd: 2, sync: true }));
}

/** A logger that says nothing, for tests and one-shot commands. */
export function silentLogger(): Logger {
  return pino({ level: "silent" });
}
