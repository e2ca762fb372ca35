export { createTracing, type TracedRebuild, type TraceEvent, type Tracing } from "./create-tracing.ts";
export { openExporter } from "./open-exporter.ts";
