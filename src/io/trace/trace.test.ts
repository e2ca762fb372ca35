import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { InMemorySpanExporter, type ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterEach, describe, expect, it } from "vitest";
import { sha256, silentLogger } from "../../lib/index.ts";
import { createTracing, openExporter, type TracedRebuild, type TraceEvent, type Tracing } from "./index.ts";

const second = 1000;
const start = Date.UTC(2026, 10, 27, 12);
const digest = sha256("candidate");
const rebuild: TracedRebuild = {
  id: "0c2e8c5e-8f0d-4a53-9d6c-5a4a5c0b8a11",
  image: "web",
  lane: "urgent",
  createdAt: start,
  firstSeen: start - 60 * second,
  causes: ["openssl 3.0.17-1 to 3.0.18-1 (DSA-5999-1)"],
};
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function tracing(exporter = new InMemorySpanExporter()): { tracing: Tracing; spans: () => Promise<ReadableSpan[]> } {
  const made = createTracing({
    exporter: {
      export: (spans, done) => exporter.export(spans, done),
      // What is kept in memory goes when it is shut down.
      shutdown: () => Promise.resolve(),
    },
    version: "1.0.0",
    last: "production",
    loadRebuild: (by) =>
      Promise.resolve(("id" in by ? by.id === rebuild.id : by.digest === digest) ? rebuild : undefined),
    log: silentLogger(),
  });
  return { tracing: made, spans: () => made.close().then(() => exporter.getFinishedSpans()) };
}

const at = (seconds: number, kind: string, more: Partial<TraceEvent> = {}): TraceEvent => ({
  at: start + seconds * second,
  kind,
  image: "web",
  rebuild: rebuild.id,
  message: kind === "verified" ? "passed" : kind,
  ...more,
});
const production = { environment: "production" };
const update = [
  at(1, "building"),
  at(5, "built", { digest }),
  at(5, "verifying", production),
  at(9, "verified", production),
  at(9, "promoting", production),
  at(10, "promoted", { ...production, digest }),
];
const told = (span: ReadableSpan): string =>
  `${span.name} ${[span.startTime, span.endTime].map(([s, n]) => Math.round(s + n / 1e9 - start / second)).join(" to ")}`;

describe("the trace of an update", () => {
  it("spans what was first seen to the last environment, each step below one root", async () => {
    const { tracing: made, spans } = tracing();
    for (const event of update) made.hear(event);
    // It says nothing of the rebuild: what made the digest is asked for.
    made.hear(at(11, "deploying", { ...production, rebuild: undefined, digest }));
    made.hear(at(20, "deployed", { ...production, rebuild: undefined, digest }));
    const all = await spans();
    expect(all.map(told).sort()).toEqual([
      "build 1 to 5",
      "deploy 11 to 20",
      "plan -60 to 0",
      "promote 9 to 10",
      "queue 0 to 1",
      "update -60 to 10",
      "verify 5 to 9",
    ]);
    const root = all.find(({ name }) => name === "update");
    expect(root?.parentSpanContext).toBeUndefined();
    expect(root?.attributes).toMatchObject({
      "tidemill.image": "web",
      "tidemill.rebuild": rebuild.id,
      "tidemill.lane": "urgent",
      "tidemill.causes": rebuild.causes,
      "deployment.environment.name": "production",
      "oci.manifest.digest": digest,
    });
    for (const span of all.filter((one) => one !== root)) {
      expect(span.parentSpanContext?.spanId).toBe(root?.spanContext().spanId);
      expect(span.spanContext().traceId).toBe(root?.spanContext().traceId);
    }
    expect(root?.resource.attributes).toMatchObject({ "service.name": "tidemill", "service.version": "1.0.0" });
  });

  it("is one, whichever processes did its parts", async () => {
    const [first, second_] = [tracing(), tracing()];
    for (const event of update.slice(0, 2)) first.tracing.hear(event);
    for (const event of update.slice(2)) second_.tracing.hear(event);
    const all = [...(await first.spans()), ...(await second_.spans())];
    expect(new Set(all.map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(all.map(({ name }) => name).sort()).toEqual(["build", "plan", "promote", "queue", "update", "verify"]);
  });

  it("says what failed, at the step and at the root", async () => {
    const { tracing: made, spans } = tracing();
    for (const event of [update[0], at(3, "failed", { message: "no space left" })]) made.hear(event as TraceEvent);
    const all = await spans();
    expect(all.map(told).sort()).toEqual(["build 1 to 3", "plan -60 to 0", "update -60 to 3"]);
    for (const span of all.filter(({ name }) => name !== "plan"))
      expect(span.status).toMatchObject({ code: 2, message: "no space left" });
  });

  it("marks a verification that did not pass", async () => {
    const { tracing: made, spans } = tracing();
    made.hear(at(5, "verifying", production));
    made.hear(at(6, "verified", { ...production, message: "failed: smoke" }));
    expect((await spans()).map((span) => [span.name, span.status.message])).toEqual([["verify", "failed: smoke"]]);
  });

  it("is not made of what is about no rebuild, and of what ends that never began", async () => {
    const { tracing: made, spans } = tracing();
    made.hear(at(1, "deployed", { rebuild: undefined, digest: sha256("another") }));
    made.hear({ at: start, kind: "observed", message: "a generation" });
    made.hear(at(2, "verified", production));
    made.hear(at(3, "output", { message: "a line" }));
    expect(await spans()).toEqual([]);
  });

  it("has no span that ends before it begins, where the clock was put back", async () => {
    const { tracing: made, spans } = tracing();
    made.hear(at(100, "building"));
    made.hear(at(90, "unchanged", { digest }));
    for (const { startTime, endTime } of await spans())
      expect(startTime[0] + startTime[1] / 1e9).toBeLessThanOrEqual(endTime[0] + endTime[1] / 1e9);
  });
});

describe("where traces go", () => {
  it("is said by OpenTelemetry's own variables, and nowhere without them", async () => {
    expect(await openExporter({})).toBeUndefined();
    expect(
      await openExporter({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_SDK_DISABLED: "true" }),
    ).toBeUndefined();
  });

  it("is a collector that speaks OTLP over HTTP", async () => {
    const bodies: string[] = [];
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (piece: Buffer) => (body += piece.toString("utf8")));
      request.on("end", () => {
        bodies.push(`${request.method} ${request.url} ${body}`);
        response.setHeader("content-type", "application/json");
        response.end("{}");
      });
    });
    servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint;
    try {
      const exporter = await openExporter(process.env);
      if (exporter === undefined) throw new Error("there is no exporter");
      const loadRebuild = (): Promise<TracedRebuild> => Promise.resolve(rebuild);
      const made = createTracing({ exporter, version: "1.0.0", last: "production", loadRebuild, log: silentLogger() });
      for (const event of update) made.hear(event);
      await made.close();
    } finally {
      delete process.env["OTEL_EXPORTER_OTLP_ENDPOINT"];
    }
    expect(bodies.join("\n")).toMatch(/^POST \/v1\/traces \{"resourceSpans":/);
    expect(bodies.join("\n")).toContain('"name":"update"');
  });

  it("that is away keeps nothing waiting", async () => {
    const loadRebuild = (): Promise<TracedRebuild> => Promise.reject(new Error("the store is away"));
    const made = createTracing({
      exporter: new InMemorySpanExporter(),
      version: "1",
      last: "production",
      loadRebuild,
      log: silentLogger(),
    });
    for (const event of update) made.hear(event);
    await made.close();
  });
});
