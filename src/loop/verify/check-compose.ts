import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { dirname, resolve } from "node:path";
import { imagesOfSet, maxComposeSet, parseComposeSet, type ComposeSet } from "../../core/compose/index.ts";
import type { CheckConfig } from "../../core/config/index.ts";
import { samePlatform } from "../../core/image/index.ts";
import {
  defaultRunLimits,
  type RunEngine,
  type RunningSet,
  type ServedSet,
  type SetRequest,
} from "../../io/engine/index.ts";
import type { ImageReader, PlatformImage } from "../../io/layer/index.ts";
import { probeHttp, probeTcp } from "../../io/probe/index.ts";
import { messageOf, printable, readTextFile } from "../../lib/index.ts";
import { lastLines, maxCheckLog } from "./last-lines.ts";
import { onceMore } from "./once-more.ts";
import type { CheckResult, VerifyRequest } from "./types.ts";

type ComposeCheck = Extract<CheckConfig, { compose: unknown }>;
type Probe = ComposeCheck["probes"][number];
type Outcome = Pick<CheckResult, "verdict" | "messages" | "wordWanted" | "log">;
type Asked = Pick<VerifyRequest, "source" | "told" | "ownInSet">;

interface Means {
  readonly image: PlatformImage;
  readonly images: Pick<ImageReader, "manifests">;
  readonly engine: RunEngine;
  /** Folder of the configuration: the file is relative to it. */
  readonly home: string;
}

const pauseMs = 300;
/** Lines of each service that stand with a failing verdict. */
const linesOfEach = 5;

/**
 * Starts a set of services with one platform of the candidate in it, and asks its probes until all of them are well, or the time is over. The other images are those that the environment names where they are the fleet's own, else as the file says.
 * Whatever keeps the set from being there at all is no failure of the candidate. Only an abort throws.
 */
export async function checkCompose(
  check: ComposeCheck,
  request: Asked,
  means: Means,
  signal: AbortSignal = new AbortController().signal,
): Promise<Outcome> {
  const { engine, home } = means;
  if (engine.serveSet === undefined)
    return { verdict: "not_run", messages: [`${engine.name} has no Compose: a set cannot be started by it`] };
  const end = performance.now() + check.timeout;
  try {
    const path = resolve(home, check.compose);
    const parsed = parseComposeSet(await readTextFile(path, maxComposeSet));
    if (parsed.kind === "invalid")
      return { verdict: "failed", messages: parsed.problems.map((problem) => `${check.compose}:${problem}`) };
    const strange = [check.service, ...check.probes.map(({ service }) => service)].find(
      (one) => !Object.hasOwn(parsed.set.services, one),
    );
    if (strange !== undefined)
      return { verdict: "failed", messages: [`${check.compose}: there is no service ${strange} in it`] };
    const own = await findOwn(check, parsed.set, request, means, signal);
    if (typeof own === "string") return { verdict: "not_run", messages: [own] };
    const asked: SetRequest = {
      source: request.source,
      manifest: means.image.parsed,
      platform: means.image.platform,
      set: parsed.set,
      service: check.service,
      writable: check.writable,
      own,
      folder: dirname(path),
      timeoutMs: check.timeout,
      limits: { ...defaultRunLimits, outputBytes: maxCheckLog },
    };
    const ask = (set: RunningSet, ended: AbortSignal): Promise<string | undefined> =>
      askUntilWell(check, set, end, ended);
    const served = await onceMore(async () => engine.serveSet?.(asked, ask, signal), signal);
    return served === undefined ? { verdict: "not_run", messages: [] } : judge(served);
  } catch (error) {
    signal.throwIfAborted();
    return { verdict: "failed", messages: [messageOf(error)] };
  }
}

function judge(served: ServedSet<string | undefined>): Outcome {
  if (served.kind === "unavailable") return { verdict: "not_run", messages: [served.reason], wordWanted: true };
  const wrong = served.kind === "asked" ? served.answer : `the set was not started: ${served.reason}`;
  const log = Object.entries(served.logs)
    .flatMap(([service, text]) =>
      text
        .trimEnd()
        .split("\n")
        .map((line) => `${service} | ${line}`),
    )
    .join("\n");
  if (wrong === undefined) return { verdict: "passed", messages: [], log };
  const said = Object.entries(served.logs).flatMap(([service, log]) =>
    lastLines(log)
      .slice(-linesOfEach)
      .map((line) => `${service}: ${line.slice(0, 500)}`),
  );
  return { verdict: "failed", messages: [wrong, ...said].map((one) => printable(one)), log };
}

/** The fleet's own images of a set, by service; a sentence where one of them is not in the environment yet. */
async function findOwn(
  check: ComposeCheck,
  set: ComposeSet,
  { source, told, ownInSet }: Asked,
  { image, images }: Means,
  signal: AbortSignal,
): Promise<SetRequest["own"] | string> {
  const own: Record<string, SetRequest["own"][string]> = {};
  for (const [service, name] of imagesOfSet(set)) {
    if (service === check.service) continue;
    const found = await ownInSet?.(name);
    if (found === undefined) continue;
    if (found.image === told.image) {
      own[service] = { source, manifest: image.parsed };
      continue;
    }
    const what = `${found.image}, which is in the set as ${service},`;
    if (found.digest === undefined) return `${what} has nothing in ${told.environment} yet`;
    const { platforms } = await images.manifests(found.source, found.digest, signal);
    const fitting = platforms.find(({ platform }) => samePlatform(platform, image.platform));
    if (fitting === undefined) return `${what} has no such platform in ${told.environment}`;
    own[service] = { source: found.source, manifest: fitting.parsed };
  }
  return own;
}

/** Why the set is not well; undefined where every probe passed in one round. */
async function askUntilWell(
  { probes, timeout }: ComposeCheck,
  set: RunningSet,
  end: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  let last: string | undefined;
  for (;;) {
    const left = Math.ceil(end - performance.now());
    if (left <= 0) return `it was not well within ${timeout} ms: ${last ?? "it was not asked"}`;
    const trouble = await set.trouble();
    if (trouble !== undefined) return trouble;
    const wrong = await firstWrong(probes, set, left, signal);
    if (wrong === undefined) return undefined;
    // What the end of the time cut short says less than the answer before it.
    const isCut = performance.now() >= end && probes.some((probe) => probe.timeout > left);
    last = isCut ? (last ?? wrong) : wrong;
    await sleep(pauseMs, undefined, { signal });
  }
}

async function firstWrong(
  probes: readonly Probe[],
  set: RunningSet,
  left: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const probe of probes) {
    const wrong = await askOnce(probe, set, Math.min(probe.timeout, left), signal);
    if (wrong !== undefined) return `${probe.service}: ${wrong}`;
  }
  return undefined;
}

async function askOnce(
  probe: Probe,
  set: RunningSet,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  if ("command" in probe) return runOnce(probe, set, timeoutMs, signal);
  const host = await set.addressOf(probe.service);
  if (host === undefined) return "it does not run, or has no address that this machine reaches";
  if ("tcp" in probe) {
    const result = await probeTcp({ host, port: probe.tcp, timeoutMs }, signal);
    return result.kind === "passed" ? undefined : result.reason;
  }
  const { port, path, method, headers, status, contains } = probe.http;
  const wanted = { ...(status === undefined ? {} : { status }), ...(contains === undefined ? {} : { contains }) };
  const url = `http://${host}:${port}${path}`;
  const result = await probeHttp({ url, method, headers, ...wanted, timeoutMs }, signal);
  return result.kind === "passed" ? undefined : result.reason;
}

async function runOnce(
  { service, command, output }: Extract<Probe, { command: unknown }>,
  set: RunningSet,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const end = await set.exec(service, command, timeoutMs, signal);
  const what = command[0] ?? "the command";
  if (end.end === "not started") return end.reason;
  if (end.end === "late") return `${what} did not end within ${timeoutMs} ms`;
  if (end.status !== 0) return `${what} ended with ${end.status}: ${lastLines(end.output).at(-1) ?? "it said nothing"}`;
  if (output !== undefined && !end.output.includes(output)) return `the output of ${what} does not contain "${output}"`;
  return undefined;
}
