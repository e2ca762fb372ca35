import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { CheckConfig } from "../../core/config/index.ts";
import type { ImageSource } from "../../core/image/index.ts";
import { defaultRunLimits, type RunEngine, type Served } from "../../io/engine/index.ts";
import type { PlatformImage } from "../../io/layer/index.ts";
import { probeHttp, probeTcp, type ProbeResult } from "../../io/probe/index.ts";
import { messageOf } from "../../lib/index.ts";
import { lastLines, maxCheckLog } from "./last-lines.ts";
import { onceMore } from "./once-more.ts";
import type { CheckResult } from "./types.ts";

type StartedCheck = Extract<CheckConfig, { http: unknown } | { tcp: unknown }>;

const pauseMs = 200;
const connectMs = 2000;

/** What is started for a check. */
type StartedConfig = Pick<StartedCheck, "command" | "env" | "writable" | "start">;

/** Starts one platform of the candidate, has it used once it listens on a port, and stops it. Resolves to what `use` gives, or to why it did not come to that; throws what the engine throws. */
export async function whileServed<T>(
  config: StartedConfig & { readonly port: number },
  source: ImageSource,
  image: PlatformImage,
  engine: RunEngine,
  use: (address: string, ended: AbortSignal) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<Served<{ readonly used: T } | { readonly problem: string }>> {
  const { command = [], env, writable, start, port } = config;
  const request = {
    source,
    manifest: image.parsed,
    platform: image.platform,
    command,
    env,
    writable,
    limits: { ...defaultRunLimits, outputBytes: maxCheckLog },
  };
  const serve = () =>
    engine.serve(
      request,
      async (host, ended) => {
        const listens = { name: "", tcp: port, command, env, writable, start, timeout: connectMs } as const;
        const problem = await askUntilWell(listens, host, ended);
        return problem === undefined ? { used: await use(`${host}:${port}`, ended) } : { problem };
      },
      signal,
    );
  return onceMore(serve, signal);
}

/** Starts one platform of the candidate and asks it until it answers as is wanted, or its time to start is over. */
export async function checkStarted(
  check: StartedCheck,
  source: ImageSource,
  image: PlatformImage,
  engine: RunEngine,
  signal: AbortSignal | undefined,
): Promise<Pick<CheckResult, "verdict" | "messages" | "log">> {
  const { command = [], env, writable } = check;
  const { parsed: manifest, platform } = image;
  try {
    const request = {
      source,
      manifest,
      platform,
      command,
      env,
      writable,
      limits: { ...defaultRunLimits, outputBytes: maxCheckLog },
    };
    const serve = (): Promise<Served<string | undefined>> =>
      engine.serve(request, (host, ended) => askUntilWell(check, host, ended), signal);
    const { answer, output } = await onceMore(serve, signal);
    signal?.throwIfAborted();
    return answer === undefined
      ? { verdict: "passed", messages: [], log: output }
      : { verdict: "failed", messages: [answer, ...lastLines(output)], log: output };
  } catch (error) {
    signal?.throwIfAborted();
    return { verdict: "failed", messages: [messageOf(error)] };
  }
}

/** Why it did not answer as is wanted; undefined where it did. */
async function askUntilWell(check: StartedCheck, host: string, ended: AbortSignal): Promise<string | undefined> {
  const deadline = performance.now() + check.start;
  let last = "it was not asked";
  try {
    for (;;) {
      const left = Math.ceil(deadline - performance.now());
      if (left <= 0) return `it was not well within ${check.start} ms: ${last}`;
      const result = await ask(check, host, Math.min(check.timeout, left), ended);
      if (result.kind === "passed") return undefined;
      last = result.reason;
      await sleep(pauseMs, undefined, { signal: ended });
    }
  } catch (error) {
    if (ended.aborted) return typeof ended.reason === "string" ? ended.reason : messageOf(ended.reason);
    throw error;
  }
}

function ask(check: StartedCheck, host: string, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
  if ("tcp" in check) return probeTcp({ host, port: check.tcp, timeoutMs }, signal);
  const { port, path, method, headers, status, contains } = check.http;
  const wanted = { ...(status === undefined ? {} : { status }), ...(contains === undefined ? {} : { contains }) };
  return probeHttp({ url: `http://${host}:${port}${path}`, method, headers, ...wanted, timeoutMs }, signal);
}
