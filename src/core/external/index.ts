export {
  afterLook,
  decideRun,
  settleMs,
  type RunFacts,
  type RunRules,
  type RunState,
  type RunStep,
} from "./decide-run.ts";
export { describePipeline, pipelinePlace, type PipelinePlace } from "./pipeline-place.ts";
export { runInputs, tooLarge } from "./run-inputs.ts";
export type {
  CancelledRun,
  ExternalPipeline,
  FoundRun,
  PipelineHealth,
  RunLater,
  RunOrder,
  RunPlace,
  RunView,
  StartedRun,
} from "./types.ts";
