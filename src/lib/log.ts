import { createRequire } from "node:module";
import type * as Pino from "pino";
import type { Logger } from "pino";

export type { Logger };

/** A JSON-lines logger on standard error; `level` is pino's (`silent`, `error`, `warn`, `info`, `debug`). */
export function createLogger(level: string): Logger {
  const { pino, destination } = loadPino();
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination({ fd: 2, sync: true }));
}

/** A logger that says nothing, for tests and one-shot commands. */
export function silentLogger(): Logger {
  return loadPino().pino({ level: "silent" });
}

/** Loaded when the first logger is made: it is most of what this folder costs a command that only prints. */
function loadPino(): typeof Pino {
  return createRequire(import.meta.url)("pino") as typeof Pino;
}
