import type { CheckConfig } from "../../core/config/index.ts";
import { formatPlatform, type Platform } from "../../core/image/index.ts";
import { summarizeCauses } from "../../core/plan/index.ts";
import { askPipeline } from "../../io/pipeline/index.ts";
import { sha256, type Clock } from "../../lib/index.ts";
import type { CheckResult, VerifyRequest } from "./types.ts";

export type PipelineCheck = Extract<CheckConfig, { pipeline: unknown }>;

/** Causes that a pipeline is told: its request stays small, whatever the plan holds. */
const maxCauses = 100;

/** Whether a pipeline gives the verdict of a check: it is asked once for all platforms. */
export function isPipeline(check: CheckConfig): check is PipelineCheck {
  return "pipeline" in check;
}

/** Asks every pipeline about the candidate, all at once; what each says holds for all its platforms. `isRefused`: something else keeps the candidate out, and nobody's pipeline is bothered. Only an abort throws. */
export async function checkPipelines(
  request: Pick<VerifyRequest, "checks" | "causes" | "digest" | "told">,
  platforms: readonly Platform[],
  isRefused: boolean,
  clock: Pick<Clock, "now">,
  signal: AbortSignal = new AbortController().signal,
): Promise<CheckResult[]> {
  const asked = request.checks.filter(isPipeline).map(async (check): Promise<CheckResult[]> => {
    const started = clock.now();
    const outcome = isRefused
      ? { verdict: "not_run" as const, messages: ["it was not asked: another check failed"] }
      : await checkPipeline(check, request, platforms, clock, signal);
    const ms = clock.now() - started;
    return platforms.map((platform) => ({ name: `pipeline: ${check.name}`, platform, ...outcome, ms }));
  });
  return (await Promise.all(asked)).flat();
}

async function checkPipeline(
  { name, pipeline, timeout, retries = { count: 0, pause: 0 } }: PipelineCheck,
  { causes, digest, told }: Pick<VerifyRequest, "causes" | "digest" | "told">,
  platforms: readonly Platform[],
  clock: Pick<Clock, "now">,
  signal: AbortSignal,
): Promise<Pick<CheckResult, "verdict" | "messages">> {
  const { image, environment, reference } = told;
  const id = `verify-${sha256([image, environment, digest, name].join("\0")).slice("sha256:".length)}`;
  const data = {
    check: name,
    image,
    environment,
    digest,
    reference,
    platforms: platforms.map(formatPlatform),
    reason: summarizeCauses([...causes]),
    causes: causes.slice(0, maxCauses),
  };
  const { url, secret, poll } = pipeline;
  const answer = await askPipeline({ url, secret, id, data, pollMs: poll, timeoutMs: timeout, retries }, clock, signal);
  if (answer.kind === "silent") return { verdict: "not_run", messages: [answer.reason] };
  const { kind: verdict, messages } = answer;
  return { verdict, messages: verdict === "failed" && messages.length === 0 ? ["it said no more"] : messages };
}
