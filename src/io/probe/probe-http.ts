import { performance } from "node:perf_hooks";
import { Agent, request } from "undici";
import { messageOf, printable } from "../../lib/index.ts";
import type { ProbeResult } from "./types.ts";

/** One request, and the answer that counts as healthy. */
export interface HttpProbe {
  /** `http:` or `https:`. Redirects are not followed: one is an answer like any other. */
  readonly url: string;
  readonly method?: "GET" | "HEAD" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses that count as healthy; 200 to 399 by default. */
  readonly status?: readonly number[];
  /** Text that the body must contain, looked for in its first mebibyte. */
  readonly contains?: string;
  /** Milliseconds from the first step to the last byte that is looked at. */
  readonly timeoutMs: number;
}

const maxBodyBytes = 1_048_576;

/**
 * Asks a service once, on a connection of its own, so that each question meets the service as a new visitor does. Whatever
 * goes wrong at the service is an answer; only an abort throws.
 */
export async function probeHttp(probe: HttpProbe, signal?: AbortSignal): Promise<ProbeResult> {
  signal?.throwIfAborted();
  const started = performance.now();
  const limit = AbortSignal.timeout(probe.timeoutMs);
  const agent = new Agent({ connections: 1, pipelining: 0, connect: { timeout: probe.timeoutMs } });
  let reason: string | undefined;
  try {
    reason = await ask(probe, agent, signal === undefined ? limit : AbortSignal.any([signal, limit]));
  } catch (error) {
    signal?.throwIfAborted();
    reason = limit.aborted ? `it did not answer within ${probe.timeoutMs} ms` : messageOf(error);
  } finally {
    await agent.destroy();
  }
  const ms = performance.now() - started;
  return reason === undefined ? { kind: "passed", ms } : { kind: "failed", ms, reason: printable(reason) };
}

/** What is wrong with the answer; undefined where nothing is. */
async function ask(probe: HttpProbe, dispatcher: Agent, signal: AbortSignal): Promise<string | undefined> {
  const { statusCode, body } = await request(probe.url, {
    method: probe.method ?? "GET",
    headers: { "user-agent": "tidemill", ...probe.headers },
    dispatcher,
    signal,
  });
  // What is not read to its end is cut off with the connection; that is no failure.
  body.on("error", () => undefined);
  const { status, contains } = probe;
  const isHealthy = status === undefined ? statusCode >= 200 && statusCode < 400 : status.includes(statusCode);
  if (!isHealthy) return `it answered ${statusCode}${status === undefined ? "" : `, not ${status.join(" or ")}`}`;
  if (contains === undefined) return undefined;
  const wanted = Buffer.from(contains);
  let seen = Buffer.alloc(0);
  for await (const chunk of body as AsyncIterable<Buffer>) {
    seen = Buffer.concat([seen, chunk.subarray(0, maxBodyBytes - seen.length)]);
    if (seen.includes(wanted)) return undefined;
    if (seen.length >= maxBodyBytes) break;
  }
  return `its body does not contain "${contains}"`;
}
