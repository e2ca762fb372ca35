import type { SpanExporter } from "@opentelemetry/sdk-trace";

/**
 * Sends spans where OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT says, with the headers and limits of the other variables of OpenTelemetry's "OTLP Exporter
 * Configuration"; undefined where none does, or OTEL_SDK_DISABLED is `true`. OTLP over HTTP, in JSON.
 */
export async function openExporter(env: NodeJS.ProcessEnv): Promise<SpanExporter | undefined> {
  const endpoint = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] ?? env["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? "";
  if (endpoint === "" || env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return undefined;
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
  return new OTLPTraceExporter();
}
