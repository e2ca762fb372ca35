import { createBuildahBuilder } from "./build/buildah-builder.ts";
import { createBuildctlBuilder } from "./build/buildctl-builder.ts";
import { createDockerBuilder } from "./build/docker-builder.ts";
import type { BuildEngine } from "./build/types.ts";
import { createDockerEngine } from "./docker-engine.ts";
import type { RunEngine } from "./types.ts";

export { BuildError, type FailedStep } from "./build/build-error.ts";
export type { BuildahBuilderOptions } from "./build/buildah-builder.ts";
export type { BuildctlBuilderOptions } from "./build/buildctl-builder.ts";
export type { DockerBuilderOptions } from "./build/docker-builder.ts";
export { defaultBuildLimits } from "./build/types.ts";
export type {
  BuildEngine,
  BuildLimits,
  BuildRequest,
  BuildResult,
  BuildSecret,
  BuildTarget,
  LogSink,
} from "./build/types.ts";
export { EngineError } from "./error.ts";
export { defaultRunLimits } from "./types.ts";
export type {
  AskServed,
  RunEngine,
  RunLimits,
  RunningSet,
  RunRequest,
  RunResult,
  Served,
  ServedSet,
  ServeRequest,
  SetRequest,
} from "./types.ts";
/** Every engine that can run checks, by name. Another one is: a file, a line here, a test. */
export const runEngines = {
  docker: createDockerEngine,
} satisfies Record<string, (instance: string) => RunEngine>;

/** Every engine that can build a Dockerfile, by name. Another one is: a file, a line here, a test. */
export const buildEngines = {
  docker: createDockerBuilder,
  buildctl: createBuildctlBuilder,
  buildah: createBuildahBuilder,
} satisfies Record<string, (options: never) => BuildEngine>;
