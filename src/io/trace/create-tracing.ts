import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
  type Attributes,
  type Span,
} from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, RandomIdGenerator, TracerProvider, type SpanExporter } from "@opentelemetry/sdk-trace";
import { digestHex, messageOf, sha256, type Digest, type Instant, type Logger } from "../../lib/index.ts";

/** Something that happened to an image, as whoever looks on is told of it. */
export interface TraceEvent {
  readonly at: Instant;
  readonly kind: string;
  readonly image?: string | undefined;
  readonly environment?: string | undefined;
  readonly digest?: string | undefined;
  readonly rebuild?: string | undefined;
  readonly message: string;
}

/** What a trace says of its rebuild. */
export interface TracedRebuild {
  readonly id: string;
  readonly image: string;
  readonly lane: string;
  readonly createdAt: Instant;
  /** When the earliest of its causes was first seen; undefined where none was watched. */
  readonly firstSeen: Instant | undefined;
  readonly causes: readonly string[];
}

/** One update, from what was first seen of it to the last environment, as one trace. */
export interface Tracing {
  /** Never throws, and nothing waits for it. */
  hear(event: TraceEvent): void;
  /** Sends what is there, for at most some seconds. */
  close(): Promise<void>;
}

export interface TracingOptions {
  readonly exporter: SpanExporter;
  readonly version: string;
  /** The environment at which an update has arrived. */
  readonly last: string;
  /** By its id, or as what made a digest. */
  readonly loadRebuild: (
    by: { readonly id: string } | { readonly image: string; readonly digest: Digest },
  ) => Promise<TracedRebuild | undefined>;
  readonly log: Logger;
}

/** What begins, and the events that end it. */
const endsOf: Readonly<Record<string, { readonly step: string; readonly begun: string }>> = {
  built: { step: "build", begun: "building" },
  unchanged: { step: "build", begun: "building" },
  verified: { step: "verify", begun: "verifying" },
  promoted: { step: "promote", begun: "promoting" },
  deployed: { step: "deploy", begun: "deploying" },
};
const beginnings: ReadonlySet<string> = new Set(Object.values(endsOf).map(({ begun }) => begun));
const mostText = 1000;
/** Of what began and was never heard to end. */
const mostBegun = 10_000;

/**
 * Makes spans of what it hears. Ids follow from the rebuild's, so that what several processes did to it, and what was done after a restart, is in one trace below one root; the root comes when the last environment has it,
 * or when it ended otherwise. OpenTelemetry, "Trace".
 */
export function createTracing({ exporter, version, last, loadRebuild, log }: TracingOptions): Tracing {
  const ids = createIds();
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "tidemill", "service.version": version }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
    idGenerator: ids,
  });
  const tracer = provider.getTracer("tidemill", version);
  const begun = new Map<string, TraceEvent>();
  const pending = new Set<Promise<void>>();

  const write = (
    rebuild: TracedRebuild,
    name: string,
    from: Instant,
    to: Instant,
    more: Attributes,
    error?: string,
  ): void => {
    const attributes = { "tidemill.image": rebuild.image, "tidemill.rebuild": rebuild.id, ...more };
    // A clock that was put back makes no span that ends before it begins.
    const startTime = new Date(Math.min(from, to));
    const options = { kind: SpanKind.INTERNAL, startTime, attributes };
    const parent = trace.setSpanContext(ROOT_CONTEXT, { ...rootOf(rebuild.id), traceFlags: TraceFlags.SAMPLED });
    const span: Span =
      name === "update"
        ? ids.asRoot(rebuild.id, () => tracer.startSpan(name, options, ROOT_CONTEXT))
        : tracer.startSpan(name, options, parent);
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error.slice(0, mostText) });
    span.end(new Date(to));
  };

  const tell = async (event: TraceEvent, begins: readonly TraceEvent[]): Promise<void> => {
    const { image = "", digest, at, kind } = event;
    const id = event.rebuild ?? begins.find((one) => one.rebuild !== undefined)?.rebuild;
    const by = id !== undefined ? { id } : digest === undefined ? undefined : { image, digest: digest as Digest };
    const rebuild = by && (await loadRebuild(by));
    if (rebuild === undefined) return;
    const error = kind === "failed" ? event.message : undefined;
    for (const one of begins) {
      const step = Object.values(endsOf).find(({ begun: name }) => name === one.kind)?.step ?? one.kind;
      write(
        rebuild,
        step,
        one.at,
        at,
        attributesOf(one, event),
        error ?? (isRefusal(event) ? event.message : undefined),
      );
      // What is built had waited until then; what is built again has not waited twice.
      if (step === "build" && error === undefined) write(rebuild, "queue", rebuild.createdAt, one.at, {});
    }
    const hasArrived = kind === "promoted" && event.environment === last;
    if (!hasArrived && kind !== "unchanged" && kind !== "failed") return;
    const from = rebuild.firstSeen ?? rebuild.createdAt;
    if (from < rebuild.createdAt) write(rebuild, "plan", from, rebuild.createdAt, {});
    const causes = rebuild.causes.slice(0, 20).map((one) => one.slice(0, mostText));
    write(
      rebuild,
      "update",
      from,
      at,
      { "tidemill.lane": rebuild.lane, "tidemill.causes": causes, "tidemill.end": kind, ...attributesOf(event, event) },
      error,
    );
  };

  return {
    hear: (event) => {
      const { image, kind, environment } = event;
      if (image === undefined) return;
      if (beginnings.has(kind)) {
        if (begun.size >= mostBegun) begun.clear();
        begun.set(keyOf(image, kind, environment), event);
        return;
      }
      const keys =
        kind === "failed"
          ? [...begun.keys()].filter((key) => key.startsWith(`${image}\n`) && begun.get(key)?.rebuild === event.rebuild)
          : [keyOf(image, endsOf[kind]?.begun ?? "", environment)];
      const begins = keys.flatMap((key) => begun.get(key) ?? []);
      for (const key of keys) begun.delete(key);
      if (endsOf[kind] === undefined && kind !== "failed") return;
      const work = tell(event, begins)
        .catch((thrown: unknown) => log.warn({ error: messageOf(thrown), image }, "a trace could not be written"))
        .finally(() => pending.delete(work));
      pending.add(work);
    },
    close: async () => {
      await Promise.all(pending);
      await provider
        .shutdown()
        .catch((thrown: unknown) => log.warn({ error: messageOf(thrown) }, "traces could not be sent"));
    },
  };
}

const keyOf = (image: string, kind: string, environment: string | undefined): string =>
  `${image}\n${kind}\n${environment ?? ""}`;

/** A verification says in one word that it passed, and maybe how many warnings there are. */
const isRefusal = ({ kind, message }: TraceEvent): boolean => kind === "verified" && !message.startsWith("passed");

function attributesOf(begin: TraceEvent, end: TraceEvent): Attributes {
  const environment = end.environment ?? begin.environment;
  const digest = end.digest ?? begin.digest;
  return {
    ...(environment === undefined ? {} : { "deployment.environment.name": environment }),
    ...(digest === undefined ? {} : { "oci.manifest.digest": digest }),
  };
}

/** The trace and the root span of a rebuild. */
function rootOf(rebuild: string): { readonly traceId: string; readonly spanId: string } {
  const hex = digestHex(sha256(`trace of ${rebuild}`));
  return { traceId: hex.slice(0, 32), spanId: hex.slice(32, 48) };
}

/** Random ids, but for roots. */
function createIds() {
  const random = new RandomIdGenerator();
  let root: { readonly traceId: string; readonly spanId: string } | undefined;
  return {
    generateTraceId: () => root?.traceId ?? random.generateTraceId(),
    generateSpanId: () => root?.spanId ?? random.generateSpanId(),
    asRoot: <T>(rebuild: string, make: () => T): T => {
      root = rootOf(rebuild);
      try {
        return make();
      } finally {
        root = undefined;
      }
    },
  };
}
