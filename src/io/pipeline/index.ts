export { askPipeline, type PipelineQuestion, type PipelineVerdict } from "./ask-pipeline.ts";
