import type { ImageSource } from "../../core/image/index.ts";
import { formatPlatform } from "../../core/image/index.ts";
import { defaultRunLimits, EngineError, type RunEngine, type RunResult } from "../../io/engine/index.ts";
import type { PlatformImage } from "../../io/layer/index.ts";
import { messageOf, type Clock } from "../../lib/index.ts";
import type { CheckResult, RunCheck } from "./types.ts";

const maxOutputLines = 20;

/** Runs every `run:` check in one platform of the candidate; where no engine can, each is `not_run` with the reason. */
export async function runChecks(
  checks: readonly RunCheck[],
  source: ImageSource,
  image: PlatformImage,
  engine: RunEngine | undefined,
  clock: Pick<Clock, "now">,
  signal?: AbortSignal,
): Promise<CheckResult[]> {
  if (checks.length === 0) return [];
  const reason = await whyNot(engine, image);
  const results: CheckResult[] = [];
  for (const check of checks) {
    const base = { name: `run: ${check.name}`, platform: image.platform };
    if (engine === undefined || reason !== undefined) {
      results.push({ ...base, verdict: "not_run", messages: [reason ?? "no engine"], ms: 0 });
      continue;
    }
    const started = clock.now();
    const outcome = await runOne(check, source, image, engine, signal);
    results.push({ ...base, ...outcome, ms: clock.now() - started });
  }
  return results;
}

async function whyNot(engine: RunEngine | undefined, image: PlatformImage): Promise<string | undefined> {
  if (engine === undefined) return "no engine is configured that could run it";
  const missing = await engine.missing();
  if (missing !== undefined) return missing;
  if (await engine.canRun(image.platform)) return undefined;
  return `${engine.name} cannot run ${formatPlatform(image.platform)} here`;
}

async function runOne(
  check: RunCheck,
  source: ImageSource,
  image: PlatformImage,
  engine: RunEngine,
  signal: AbortSignal | undefined,
): Promise<Pick<CheckResult, "verdict" | "messages">> {
  const limits = { ...defaultRunLimits, timeoutMs: check.timeoutMs ?? defaultRunLimits.timeoutMs };
  const run = (): Promise<RunResult> =>
    engine.run(
      {
        source,
        manifest: image.parsed,
        platform: image.platform,
        command: check.command,
        network: check.network ?? false,
        limits,
      },
      signal,
    );
  try {
    const result = await run().catch((error: unknown) => {
      signal?.throwIfAborted();
      // The engine's own failure says nothing of the image: asked once more.
      if (error instanceof EngineError && error.retry) return run();
      throw error;
    });
    const wrong = whatIsWrong(check, result, limits.timeoutMs);
    return wrong === undefined
      ? { verdict: "passed", messages: [] }
      : { verdict: "failed", messages: [wrong, ...lastLines(result.output)] };
  } catch (error) {
    signal?.throwIfAborted();
    return { verdict: "failed", messages: [messageOf(error)] };
  }
}

function whatIsWrong(check: RunCheck, result: RunResult, timeoutMs: number): string | undefined {
  if (result.end === "timeout") return `it did not end within ${timeoutMs} ms`;
  if (result.end === "out-of-memory") return "it used more memory than it may";
  const status = check.status ?? 0;
  if (result.status !== status) return `it ended with status ${result.status}, not ${status}`;
  if (check.output !== undefined && !result.output.includes(check.output))
    return `its output does not contain "${check.output}"`;
  return undefined;
}

function lastLines(output: string): string[] {
  return output.trimEnd().split("\n").slice(-maxOutputLines);
}
