import { z } from "zod";
import type { CheckConfig } from "../../core/config/index.ts";
import { formatPlatform, type Platform } from "../../core/image/index.ts";
import { summarizeCauses } from "../../core/plan/index.ts";
import { askPipeline, lookAtPipeline, type PipelineAnswer } from "../../io/pipeline/index.ts";
import { sha256, type Clock, type Instant } from "../../lib/index.ts";
import type { CheckResult, VerifyRequest } from "./types.ts";

export type PipelineCheck = Extract<CheckConfig, { pipeline: unknown }>;

/** One that was asked, or is to be asked again: between two looks nobody works at it. */
const waits = z.object({
  kind: z.literal("waits"),
  /** When it was asked first. */
  at: z.number(),
  next: z.number(),
  /** Times that it was in trouble. */
  tries: z.number().int(),
  status: z.string().max(4000).optional(),
});
const ended = z.object({
  kind: z.literal("ended"),
  verdict: z.enum(["passed", "failed", "not_run"]),
  messages: z.array(z.string()).max(100),
  ms: z.number(),
});
/** How far the pipelines of a verification are, by the names of their checks: kept with it. */
export const pipelinesState = z.record(z.string(), z.discriminatedUnion("kind", [waits, ended]));
export type PipelinesState = z.output<typeof pipelinesState>;
type Waits = z.output<typeof waits>;
type Ended = z.output<typeof ended>;

export type PipelinesStep =
  | { readonly kind: "ended"; readonly checks: readonly CheckResult[] }
  | { readonly kind: "waits"; readonly state: PipelinesState; readonly resumeAt: Instant; readonly names: string[] };

type Asked = Pick<VerifyRequest, "checks" | "causes" | "digest" | "told">;

/** Causes that a pipeline is told: its request stays small, whatever the plan holds. */
const maxCauses = 100;

/** Whether a pipeline gives the verdict of a check: it is asked once for all platforms. */
export function isPipeline(check: CheckConfig): check is PipelineCheck {
  return "pipeline" in check;
}

/**
 * Takes the pipelines of a candidate as far as they go now, all at once: asks those that were not, looks at those whose time has come. What each says holds for all its platforms. `isRefused`: something else keeps the candidate out, and nobody's pipeline is bothered.
 * Where one has not said yet, it gives what is to be kept until it is called again. Only an abort throws.
 */
export async function stepPipelines(
  request: Asked,
  platforms: readonly Platform[],
  isRefused: boolean,
  before: PipelinesState,
  clock: Pick<Clock, "now">,
  signal: AbortSignal = new AbortController().signal,
): Promise<PipelinesStep> {
  const steps = request.checks.filter(isPipeline).map(async (check): Promise<[PipelineCheck, Waits | Ended]> => {
    if (isRefused) {
      const messages = ["it was not asked: another check failed"];
      return [check, { kind: "ended", verdict: "not_run", messages, ms: 0 }];
    }
    const known = Object.hasOwn(before, check.name) ? before[check.name] : undefined;
    return [check, await stepPipeline(check, request, platforms, known, clock, signal)];
  });
  const after = await Promise.all(steps);
  const waiting = after.flatMap(([{ name }, one]) => (one.kind === "waits" ? [{ name, next: one.next }] : []));
  if (waiting.length > 0)
    return {
      kind: "waits",
      state: Object.fromEntries(after.map(([{ name }, one]) => [name, one])),
      resumeAt: Math.min(...waiting.map(({ next }) => next)),
      names: waiting.map(({ name }) => name),
    };
  const checks = after.flatMap(([{ name }, one]): CheckResult[] => {
    if (one.kind === "waits") return [];
    const { verdict, messages, ms } = one;
    return platforms.map((platform) => ({ name: `pipeline: ${name}`, platform, verdict, messages, ms }));
  });
  return { kind: "ended", checks };
}

async function stepPipeline(
  check: PipelineCheck,
  asked: Asked,
  platforms: readonly Platform[],
  before: Waits | Ended | undefined,
  clock: Pick<Clock, "now">,
  signal: AbortSignal,
): Promise<Waits | Ended> {
  if (before?.kind === "ended") return before;
  const { pipeline, timeout, retries = { count: 0, pause: 0 } } = check;
  const now = clock.now();
  const { at, tries, status, next } = before ?? { at: now, tries: 0, status: undefined, next: now };
  const longest = Math.max(pipeline.poll, retries.pause);
  // A time that no look was ever put to: the clock was set back.
  if (next > now && next <= now + longest) return { kind: "waits", at, next, tries, status };
  const question = { ...questionOf(check, asked, platforms), url: pipeline.url, secret: pipeline.secret };
  const answer: PipelineAnswer =
    status === undefined
      ? await askPipeline(question, clock, signal)
      : await lookAtPipeline(question, status, clock, signal);
  const ms = Math.max(0, clock.now() - at);
  if ("messages" in answer) {
    const { kind: verdict, messages } = answer;
    const said = verdict === "failed" && messages.length === 0 ? ["it said no more"] : [...messages];
    return { kind: "ended", verdict, messages: said, ms };
  }
  const isLate = ms >= timeout;
  if (answer.kind === "silent" && (!answer.isTrouble || tries >= retries.count || isLate))
    return { kind: "ended", verdict: "not_run", messages: [answer.reason], ms };
  if (isLate) return { kind: "ended", verdict: "not_run", messages: [`it gave no verdict within ${timeout} ms`], ms };
  if (answer.kind === "silent") return { kind: "waits", at, next: clock.now() + retries.pause, tries: tries + 1 };
  return { kind: "waits", at, next: clock.now() + pipeline.poll, tries, status: answer.status };
}

function questionOf(
  { name }: PipelineCheck,
  { causes, digest, told }: Asked,
  platforms: readonly Platform[],
): { readonly id: string; readonly data: Readonly<Record<string, unknown>> } {
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
  return { id, data };
}
