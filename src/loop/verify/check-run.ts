import type { CheckConfig } from "../../core/config/index.ts";
import { formatPlatform, type ImageSource } from "../../core/image/index.ts";
import { defaultRunLimits, type RunEngine, type RunResult } from "../../io/engine/index.ts";
import type { PlatformImage } from "../../io/layer/index.ts";
import { messageOf } from "../../lib/index.ts";
import { lastLines, maxCheckLog } from "./last-lines.ts";
import { onceMore } from "./once-more.ts";
import type { CheckResult } from "./types.ts";

type RunCheck = Extract<CheckConfig, { run: unknown }>;

/** Why no engine can run one platform of a candidate here; undefined where one can. */
export async function whyNotRun(engine: RunEngine | undefined, image: PlatformImage): Promise<string | undefined> {
  if (engine === undefined) return "no engine is configured that could run it";
  const missing = await engine.missing();
  if (missing !== undefined) return missing;
  if (await engine.canRun(image.platform)) return undefined;
  return `${engine.name} cannot run ${formatPlatform(image.platform)} here`;
}

/** Runs a command in one platform of the candidate, once. */
export async function checkRun(
  check: RunCheck,
  source: ImageSource,
  image: PlatformImage,
  engine: RunEngine,
  signal: AbortSignal | undefined,
): Promise<Pick<CheckResult, "verdict" | "messages" | "log">> {
  const limits = { ...defaultRunLimits, outputBytes: maxCheckLog, timeoutMs: check.timeout };
  const run = (): Promise<RunResult> =>
    engine.run(
      {
        source,
        manifest: image.parsed,
        platform: image.platform,
        command: check.run,
        network: check.network,
        limits,
      },
      signal,
    );
  try {
    const result = await onceMore(run, signal);
    const wrong = whatIsWrong(check, result);
    return wrong === undefined
      ? { verdict: "passed", messages: [], log: result.output }
      : { verdict: "failed", messages: [wrong, ...lastLines(result.output)], log: result.output };
  } catch (error) {
    signal?.throwIfAborted();
    return { verdict: "failed", messages: [messageOf(error)] };
  }
}

/** 128 and SIGKILL. Not every engine tells that it was for the memory. */
function killed(status: number): string {
  return status === 137 ? ": something killed it, as is done to what uses more memory than it may" : "";
}

function whatIsWrong({ status, output, timeout }: RunCheck, result: RunResult): string | undefined {
  if (result.end === "timeout") return `it did not end within ${timeout} ms`;
  if (result.end === "out-of-memory") return "it used more memory than it may";
  if (result.status !== status) return `it ended with status ${result.status}, not ${status}${killed(result.status)}`;
  if (output !== undefined && !result.output.includes(output)) return `its output does not contain "${output}"`;
  return undefined;
}
