import { randomBytes } from "node:crypto";
import type { ExternalImage } from "../../../core/config/index.ts";
import {
  afterLook,
  decideRun,
  describePipeline,
  pipelinePlace,
  settleMs,
  type ExternalPipeline,
  type RunOrder,
  type RunRules,
} from "../../../core/external/index.ts";
import { summarizeCauses } from "../../../core/plan/index.ts";
import type { ExternalRun, ExternalRunChange, Lease, Lost } from "../../../io/store/index.ts";
import { messageOf, sha256, type Digest, type Instant } from "../../../lib/index.ts";
import type { Context } from "../../context.ts";
import type { MakeRequest } from "../made.ts";
import { ExternalError } from "./error.ts";

export type AwaitedRun =
  | { readonly kind: "given"; readonly digest: Digest; readonly run: ExternalRun }
  | { readonly kind: "waits"; readonly resumeAt: Instant; readonly reason: string }
  | Lost;

/** What a run is to build of. */
export interface WantedBuild {
  /** Digests by the names of their upstreams. */
  readonly bases: Readonly<Record<string, Digest>>;
  /** The same by the names that the recipe gives them. */
  readonly named: Readonly<Record<string, Digest>>;
  readonly source: string | undefined;
}

interface Awaiting {
  readonly ctx: Context;
  readonly image: ExternalImage;
  readonly request: MakeRequest;
  readonly wanted: WantedBuild;
  readonly lease: Lease;
  readonly pipeline: ExternalPipeline;
  readonly rules: RunRules;
  readonly place: string;
}

/**
 * Takes the runs of a rebuild's pipeline as far as they go now: asks for one, looks for it and at it, once; then nobody works at it until it is looked at again. A run is intended before it is asked for, and looked for before it is asked for
 * again. Throws RUN_FAILED and RUN_REFUSED where nothing more is to be had from it.
 */
export async function awaitRun(
  ctx: Context,
  image: ExternalImage,
  request: MakeRequest,
  wanted: WantedBuild,
  lease: Lease,
): Promise<AwaitedRun> {
  const { id } = lease.rebuild;
  const { poll, timeout, retries } = image.pipeline;
  const awaiting: Awaiting = {
    ctx,
    image,
    request,
    wanted,
    lease,
    pipeline: ctx.pipelineOf(image),
    rules: { poll, timeout, retries },
    place: describePipeline(pipelinePlace(image)),
  };
  for (;;) {
    request.signal.throwIfAborted();
    const runs = (await ctx.store.loadRuns([id])).get(id) ?? [];
    const run = runs.at(-1);
    const noCache = request.rebuild.detail["noCache"] === true;
    const step = decideRun(runs, noCache, awaiting.rules, ctx.clock.now());
    if (step.kind === "intend") {
      if ((await intend(awaiting)).kind === "lost") return { kind: "lost" };
      continue;
    }
    if (run === undefined) throw new Error(`${id} has no run to ${step.kind}`);
    if (step.kind === "take") return { kind: "given", digest: step.digest, run };
    if (step.kind === "give-up")
      throw new ExternalError("RUN_FAILED", describeFailure(run, step.reason), { hint: hintOf(run) });
    if (step.kind === "wait") return { kind: "waits", resumeAt: step.until, reason: `${run.place} builds it` };
    const change = step.kind === "start" ? await start(awaiting, run) : await look(awaiting, run, step.kind === "find");
    if ("kind" in change) return change;
    if ((await ctx.store.saveRun(lease, run.id, change)).kind === "lost") return { kind: "lost" };
  }
}

async function intend({ ctx, image, lease, place, wanted, request }: Awaiting) {
  const { bases } = wanted;
  const mayCall = image.pipeline.callback && ctx.config.server.url !== undefined;
  const text = randomBytes(32).toString("base64url");
  const token = mayCall ? { text, hash: sha256(text) } : undefined;
  const noCache = request.rebuild.detail["noCache"] === true;
  return ctx.store.saveRunIntent(lease, { place, noCache, bases, token });
}

/** Asks for a run; the moment of asking is put down first. */
async function start(awaiting: Awaiting, run: ExternalRun): Promise<ExternalRunChange | Lost> {
  const { ctx, lease, pipeline, request, rules } = awaiting;
  if ((await ctx.store.saveRun(lease, run.id, { tried: true })).kind === "lost") return { kind: "lost" };
  const begun = await pipeline.start(orderOf(awaiting, run), request.signal);
  const now = ctx.clock.now();
  if (begun.kind === "later") {
    const ended = afterLook(run, false, rules, now);
    if (ended.kind === "end") return { state: ended.state, reason: begun.reason };
    return { reason: begun.reason, lookAt: now + Math.max(begun.afterMs ?? 0, rules.poll) };
  }
  if (begun.kind === "refused") {
    const { reason, hint } = begun;
    await ctx.store.saveRun(lease, run.id, { state: "failed", reason, closed: true });
    throw new ExternalError("RUN_REFUSED", `${run.place}: ${reason}`, hint === undefined ? {} : { hint });
  }
  const { digest, run: named, url } = begun;
  const shown = `${run.place} was asked to build it${url === undefined ? "" : `: ${url}`}`;
  ctx.emit({ kind: "note", image: request.rebuild.image, rebuild: lease.rebuild.id, message: shown });
  return {
    ...(digest === undefined ? { state: "running" } : { state: "given", digest, closed: true }),
    ...(named === undefined ? {} : { run: named }),
    ...(url === undefined ? {} : { url }),
    lookAt: now + rules.poll,
  };
}

/** One look at its tag, and at its run; where it is not known whether it has begun, it is looked for. */
async function look(awaiting: Awaiting, run: ExternalRun, isUnsure: boolean): Promise<ExternalRunChange | Lost> {
  const { ctx, pipeline, request, rules } = awaiting;
  const { signal } = request;
  const tagged = await tagOf(awaiting, run.name);
  if (tagged !== undefined) return { state: "given", digest: tagged, closed: true };
  let at = { run: run.run ?? undefined, url: run.url ?? undefined };
  let found: ExternalRunChange = {};
  if (at.run === undefined) {
    const seen = await pipeline.find(run.name, run.askedAt, signal);
    const now = ctx.clock.now();
    if (seen.kind === "later") return wait(awaiting, run, false, seen.afterMs);
    if (seen.kind === "found") {
      at = seen;
      found = {
        state: "running",
        ...(seen.run === undefined ? {} : { run: seen.run }),
        ...(seen.url === undefined ? {} : { url: seen.url }),
      };
    } else if (isUnsure) {
      const settled = (run.triedAt ?? now) + settleMs;
      if (now - run.askedAt >= rules.timeout) return wait(awaiting, run, false, undefined);
      if (seen.kind === "none" && settled > now) return { lookAt: Math.min(settled, now + rules.poll) };
      return start(awaiting, run);
    }
  }
  const view = await pipeline.look(at, run.name, signal);
  if (view.kind === "given") return { ...found, state: "given", digest: view.digest, closed: true };
  const url = "url" in view && view.url !== undefined ? { url: view.url } : {};
  if (view.kind === "failed") return { ...found, ...url, state: "failed", reason: view.reason, closed: true };
  const afterMs = view.kind === "later" ? view.afterMs : undefined;
  const next = wait(awaiting, run, view.kind === "succeeded", afterMs);
  return { ...found, ...url, ...(view.kind === "succeeded" ? { succeeded: true } : {}), ...next };
}

function wait(
  { ctx, rules }: Awaiting,
  run: ExternalRun,
  succeeded: boolean,
  afterMs: number | undefined,
): ExternalRunChange {
  const now = ctx.clock.now();
  const step = afterLook(run, succeeded, rules, now);
  if (step.kind === "end")
    return { state: step.state, reason: step.reason, lookAt: now, ...(step.state === "late" ? {} : { closed: true }) };
  return { lookAt: Math.max(step.kind === "wait" ? step.until : now + rules.poll, now + (afterMs ?? 0)) };
}

/** What its tag names; a registry that cannot be asked now is asked at the next look. */
async function tagOf({ ctx, request }: Awaiting, name: string): Promise<Digest | undefined> {
  try {
    return (await request.repository.resolve(name, request.signal))?.digest;
  } catch (error) {
    request.signal.throwIfAborted();
    ctx.log.warn({ err: error, tag: name }, `a tag could not be looked at: ${messageOf(error)}`);
    return undefined;
  }
}

function orderOf({ ctx, request, wanted, image }: Awaiting, run: ExternalRun): RunOrder {
  const { rebuild, causes } = request;
  const { url } = ctx.config.server;
  // The registry that is built in is reached as the server is.
  const registry = ctx.config.registry.url === undefined && url !== undefined ? new URL(url).host : undefined;
  return {
    rebuild: run.rebuild,
    name: run.name,
    image: rebuild.image,
    repository: ctx.pullName(rebuild.image, registry),
    platforms: image.platforms,
    reason: summarizeCauses(causes.map(({ cause }) => cause)),
    causes: causes.map(({ cause }) => cause),
    bases: wanted.named,
    source: wanted.source,
    noCache: run.noCache,
    callback:
      url === undefined || run.token === null ? undefined : { url: `${url}/pipelines/${run.id}`, token: run.token },
  };
}

function describeFailure({ place, url }: ExternalRun, reason: string): string {
  return `${place}: ${reason}${url === null ? "" : `: ${url}`}`;
}

function hintOf({ name }: ExternalRun): string {
  return `Its log says why. A run has to push the tag ${name}, or to call back with the digest.`;
}
