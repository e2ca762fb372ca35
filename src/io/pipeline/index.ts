export { askPipeline, lookAtPipeline, type PipelineAnswer } from "./ask-pipeline.ts";
