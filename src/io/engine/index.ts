import { createDockerEngine } from "./docker-engine.ts";
import type { RunEngine } from "./types.ts";

export { EngineError } from "./error.ts";
export { defaultRunLimits } from "./types.ts";
export type { RunEngine, RunLimits, RunRequest, RunResult } from "./types.ts";
/** Every engine that can run checks, by name. Another one is: a file, a line here, a test. */
export const runEngines = {
  docker: createDockerEngine,
} satisfies Record<string, (instance: string) => RunEngine>;
