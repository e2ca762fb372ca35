import { setTimeout as sleep } from "node:timers/promises";
import { needsEngine, type CheckConfig } from "../../core/config/index.ts";
import type { JobRunner } from "../../io/cluster/index.ts";
import type { RunEngine } from "../../io/engine/index.ts";
import type { ImageReader, PlatformImage } from "../../io/layer/index.ts";
import type { Clock } from "../../lib/index.ts";
import { isPipeline, type PipelineCheck } from "./check-pipeline.ts";
import { checkCompose } from "./check-compose.ts";
import { checkJob } from "./check-job.ts";
import { checkRun, whyNotRun } from "./check-run.ts";
import { checkScript, checkServedScript } from "./check-script.ts";
import { checkStarted } from "./check-started.ts";
import { checkStructure } from "./check-structure.ts";
import type { checkStructureTests } from "./check-structure-tests.ts";
import type { CheckResult, VerifyRequest } from "./types.ts";

type AskedCheck = Exclude<CheckConfig, PipelineCheck>;
type Outcome = Pick<CheckResult, "verdict" | "messages" | "wordWanted" | "log">;

interface AskedDeps {
  readonly engine: RunEngine | undefined;
  /** What tries candidates in clusters; undefined where nothing does. */
  readonly jobs?: JobRunner | undefined;
  readonly images: Pick<ImageReader, "manifests">;
  readonly clock: Pick<Clock, "now">;
  /** Folder of the configuration. */
  readonly home: string;
}

/** Checks of one platform that go on at once: each may have a container of its own. */
const atOnce = 2;

/** Every check that the configuration asks for, of one platform of the candidate, in its order, but the verdicts of pipelines; where no engine can run one, it is `not_run` with the reason. */
export async function checkAsked(
  request: VerifyRequest,
  image: PlatformImage,
  { engine, jobs, images, clock, home }: AskedDeps,
  signal?: AbortSignal,
): Promise<CheckResult[]> {
  const checks = request.checks.filter((check): check is AskedCheck => !isPipeline(check));
  const reason = checks.some(needsEngine) ? await whyNotRun(engine, image) : undefined;
  const ask = (check: AskedCheck): Promise<Outcome> | Outcome => {
    if ("structure" in check) return checkStructure(check, request.source, image, signal);
    if ("structureTests" in check)
      return askStructureTests(check, { source: request.source, image, home, engine }, signal);
    if ("script" in check && check.serve === undefined) return checkScript(check, request, image.platform, signal);
    if ("job" in check) return checkJob(check, request, image.platform, { jobs, home }, signal);
    if (engine === undefined || reason !== undefined)
      return { verdict: "not_run", messages: [reason ?? "no engine is configured that could run it"] };
    if ("script" in check) {
      const { serve } = check;
      return serve === undefined
        ? checkScript(check, request, image.platform, signal)
        : checkServedScript({ ...check, serve }, request, image, engine, signal);
    }
    if ("compose" in check) return checkCompose(check, request, { image, images, engine, home }, signal);
    if ("run" in check) return checkRun(check, request.source, image, engine, signal);
    return checkStarted(check, request.source, image, engine, signal);
  };
  const results: CheckResult[] = [];
  const todo = checks.entries();
  const work = async (): Promise<void> => {
    for (const [at, check] of todo) {
      const started = clock.now();
      const outcome = await withRetries(check, ask, signal);
      const base = { name: nameOf(check), platform: image.platform };
      results[at] = { ...base, ...outcome, ms: clock.now() - started };
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}

/** The engine of their expressions is large, and few ask for them. */
async function askStructureTests(...asked: Parameters<typeof checkStructureTests>): Promise<Outcome> {
  const parts = await import("./check-structure-tests.ts");
  return parts.checkStructureTests(...asked);
}

/** Asks again what failed, as often as its policy says; what passed only then warns. */
async function withRetries(
  check: AskedCheck,
  ask: (check: AskedCheck) => Promise<Outcome> | Outcome,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const { count = 0, pause = 0 } = ("retries" in check ? check.retries : undefined) ?? {};
  let outcome = await ask(check);
  const [first] = outcome.messages;
  for (let tries = 1; outcome.verdict === "failed" && tries <= count; tries += 1) {
    await sleep(pause, undefined, signal === undefined ? {} : { signal });
    outcome = await ask(check);
    if (outcome.verdict === "passed") {
      const messages = [`it passed at try ${tries + 1}; at the first: ${first ?? "it failed"}`];
      return { ...outcome, verdict: "warned", messages };
    }
  }
  return outcome;
}

const kinds = ["run", "http", "tcp", "structure", "structureTests", "script", "compose", "job"];

function nameOf(check: AskedCheck): string {
  const kind = kinds.find((one) => one in check) ?? "check";
  return `${kind}: ${check.name}`;
}
