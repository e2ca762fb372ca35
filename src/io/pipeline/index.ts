export { askPipeline, lookAtPipeline, type PipelineAnswer } from "./ask-pipeline.ts";
export { createHttpRuns } from "./http-runs.ts";
