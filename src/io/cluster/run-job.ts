import { createHash, randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { formatPlatform, type Platform } from "../../core/image/index.ts";
import {
  denialIn,
  fillJob,
  jobShape,
  judgeJob,
  makeJob,
  podsOfJob,
  type JobManifest,
  type JobObject,
  type JobShape,
  type JobState,
  type JobTerms,
  type OwnJob,
  type PodShape,
} from "../../core/job/index.ts";
import { AppError, canonicalJson, messageOf, tryShape, type Clock, type Digest } from "../../lib/index.ts";
import type { Cluster } from "./create-cluster.ts";
import { ClusterError } from "./error.ts";
import { findLackingRights } from "./find-lacking-rights.ts";
import { readJobLog } from "./read-job-log.ts";

/** A namespace of a cluster. */
export interface JobPlace {
  /** Absolute; the service account of the pod that we are in without it. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string;
}

/** A candidate that is tried on one platform. */
export interface JobRequest {
  readonly place: JobPlace;
  /** Of the check. */
  readonly check: string;
  readonly image: string;
  readonly environment: string;
  readonly digest: Digest;
  /** What the cluster pulls it by, its digest in it. */
  readonly reference: string;
  readonly platform: Platform;
  /** A Job of our making, or one by a manifest, in which `containers` run the candidate. */
  readonly work:
    | { readonly kind: "own"; readonly own: OwnJob }
    | { readonly kind: "manifest"; readonly manifest: JobManifest; readonly containers: readonly string[] | undefined };
  readonly timeoutMs: number;
  /** Bytes of its log that are kept. */
  readonly logBytes: number;
}

/** `unavailable`: by the cluster's doing, which says nothing of the candidate. Reasons are sentences. */
export type JobEnd =
  | { readonly kind: "passed"; readonly log: string; readonly notes: readonly string[] }
  | { readonly kind: "failed"; readonly reason: string; readonly log: string; readonly notes: readonly string[] }
  | { readonly kind: "unavailable"; readonly reason: string; readonly log: string };

/** Tries candidates in Kubernetes clusters. */
export interface JobRunner {
  /** Makes the Job, waits for its end, keeps what it said, and takes it away with its pods. One of the same request that is there already is waited for instead. Only an abort throws, and then it was taken away where that could be done. */
  run(request: JobRequest, signal: AbortSignal): Promise<JobEnd>;
  /** Undefined where Jobs can be made in a place; otherwise why not, as a sentence. Only an abort throws. */
  missing(place: JobPlace, signal: AbortSignal): Promise<string | undefined>;
  /** Takes away what an earlier process of this installation left in these places, and what is past its time; resolves to how many Jobs. Never throws but for an abort. */
  sweep(places: readonly JobPlace[], signal: AbortSignal): Promise<number>;
}

/** Milliseconds. */
export interface JobPatience {
  /** Between two looks. */
  readonly lookMs: number;
  /** How long the cluster may lack an image or a secret: a registry that stumbles is not the end. */
  readonly lackMs: number;
  /** How long a Job may take to go. */
  readonly goneMs: number;
}

const defaultPatience: JobPatience = { lookMs: 1000, lackMs: 60_000, goneMs: 60_000 };
/** How long the cluster lets it go on after our own time, and how long after that it is anybody's to take away. */
const graceMs = 15_000;
const overdueMs = 600_000;
const endingMs = 5000;
/** How often it is made anew where somebody takes it away. */
const tries = 3;
/** How often it has to be seen that no pod is let in. */
const deniedLooks = 3;

const label = "tidemill.dev/job";
const selector = `app.kubernetes.io/managed-by=tidemill,${label}`;
const notes = {
  owner: "tidemill.dev/owner",
  process: "tidemill.dev/process",
  until: "tidemill.dev/until",
  spec: "tidemill.dev/spec",
};

/** `owner`: who this installation is on this machine. `clusterOf` opens the cluster of a place. */
export function createJobRunner(
  owner: string,
  clusterOf: (place: JobPlace) => Cluster,
  clock: Pick<Clock, "now">,
  patience: JobPatience = defaultPatience,
): JobRunner {
  const process = randomBytes(8).toString("hex");
  const swept = new Map<string, Promise<number>>();
  /** By uid: what has been heard to its end is no answer to the next who asks. */
  const heard = new Set<string>();

  const sweepPlace = async (place: JobPlace, signal: AbortSignal): Promise<number> => {
    const cluster = clusterOf(place);
    const jobs = jobsPath(place);
    let count = 0;
    for (const value of await cluster.list(jobs, selector, signal)) {
      const shaped = tryShape(jobShape, value);
      if (!shaped.success) continue;
      const { name, uid, annotations } = shaped.data.metadata;
      const until = Date.parse(annotations?.[notes.until] ?? "");
      const isLeft = annotations?.[notes.owner] === owner && annotations[notes.process] !== process;
      if (!isLeft && !(until + overdueMs < clock.now())) continue;
      await cluster.remove(`${jobs}/${encodeURIComponent(name)}`, uid, signal, "foreground");
      count += 1;
    }
    return count;
  };
  const sweepOnce = (place: JobPlace, signal: AbortSignal): Promise<number> => {
    const key = JSON.stringify(place);
    const known = swept.get(key) ?? sweepPlace(place, signal);
    swept.set(key, known);
    // Whoever cannot be asked now is asked by the next.
    known.catch(() => swept.delete(key));
    return known;
  };

  return {
    missing: async (place, signal) => {
      try {
        const lacking = await findLackingRights(clusterOf(place), place.namespace, signal);
        return lacking.length === 0 ? undefined : `the right to ${lacking.join(", ")} is missing in ${place.namespace}`;
      } catch (error) {
        signal.throwIfAborted();
        const end = refusalOf(error);
        return end.kind === "passed" ? undefined : end.reason;
      }
    },
    sweep: async (places, signal) => {
      const counts = await Promise.allSettled(places.map((place) => sweepOnce(place, signal)));
      signal.throwIfAborted();
      return counts.reduce((sum, one) => sum + (one.status === "fulfilled" ? one.value : 0), 0);
    },
    run: async (request, signal) => {
      const name = nameOf(request);
      const made = objectOf(request, name, { owner, process, now: clock.now() });
      if (made.kind === "invalid") return { kind: "failed", reason: made.reason, log: "", notes: [] };
      const { place } = request;
      const trial: Trial = {
        request,
        cluster: clusterOf(place),
        patience,
        job: made.job,
        path: `${jobsPath(place)}/${name}`,
        podsPath: `/api/v1/namespaces/${place.namespace}/pods`,
        heard,
      };
      await sweepOnce(place, signal).catch(() => signal.throwIfAborted());
      try {
        for (let count = 0; count < tries; count += 1) {
          const end = await runOnce(trial, signal);
          if (end !== undefined) return end;
        }
        return { kind: "unavailable", reason: `somebody takes the Job ${name} away, again and again`, log: "" };
      } catch (error) {
        signal.throwIfAborted();
        return refusalOf(error);
      }
    },
  };
}

/** One Job, from its making to its end. */
interface Trial {
  readonly request: JobRequest;
  readonly cluster: Cluster;
  readonly patience: JobPatience;
  readonly job: JobObject;
  readonly path: string;
  readonly podsPath: string;
  readonly heard: Set<string>;
}

/** Undefined where it was taken away meanwhile. */
async function runOnce(trial: Trial, signal: AbortSignal): Promise<JobEnd | undefined> {
  let uid: string | undefined;
  try {
    const job = await ensureJob(trial, signal);
    if (typeof job === "string") return { kind: "unavailable", reason: job, log: "" };
    ({ uid } = job.metadata);
    const end = await watchJob(trial, uid, signal);
    trial.heard.add(uid);
    return end;
  } finally {
    await clearUp(trial, uid, signal.aborted).catch(() => undefined);
  }
}

/** The Job goes whatever became of us, within a time of its own; who is being ended does not wait for its pods. Without `uid`: one of ours that was made, and not seen yet. */
async function clearUp(
  { cluster, path, patience, job }: Trial,
  uid: string | undefined,
  isEnding: boolean,
): Promise<void> {
  const late = AbortSignal.timeout(isEnding ? Math.min(endingMs, patience.goneMs) : patience.goneMs);
  if (uid !== undefined) return void (await takeAway(cluster, path, uid, patience, late));
  const there = await readJob(cluster, path, late);
  const isOurs = there?.metadata.annotations?.[notes.process] === job.metadata.annotations[notes.process];
  if (there !== undefined && isOurs) await takeAway(cluster, path, there.metadata.uid, patience, late);
}

/** The Job as it is in the cluster, made or found; a sentence where it cannot be had. Throws what clusters throw. */
async function ensureJob(trial: Trial, signal: AbortSignal): Promise<JobShape | string> {
  const { cluster, path, job, patience, heard } = trial;
  for (let count = 0; count < tries;) {
    const there = await readJob(cluster, path, signal);
    if (there === undefined) {
      count += 1;
      await cluster.create(path.slice(0, path.lastIndexOf("/")), job, signal);
      continue;
    }
    const { uid, deletionTimestamp, annotations, labels } = there.metadata;
    if (labels?.[label] === undefined) return `there is a Job ${job.metadata.name} that is none of Tidemill's`;
    const isSame = annotations?.[notes.spec] === job.metadata.annotations[notes.spec];
    if (deletionTimestamp === undefined && isSame && !heard.has(uid)) return there;
    if (!(await takeAway(cluster, path, uid, patience, signal)))
      return `an earlier Job ${job.metadata.name} does not go within ${patience.goneMs} ms`;
  }
  return `somebody takes the Job ${job.metadata.name} away as soon as it is made`;
}

/** Whether it has gone, its pods before it. */
async function takeAway(
  cluster: Cluster,
  path: string,
  uid: string,
  { goneMs, lookMs }: JobPatience,
  signal: AbortSignal,
): Promise<boolean> {
  const end = performance.now() + goneMs;
  await cluster.remove(path, uid, signal, "foreground");
  for (;;) {
    const there = await readJob(cluster, path, signal);
    if (there?.metadata.uid !== uid) return true;
    if (performance.now() >= end) return false;
    await delay(Math.min(lookMs, 500), undefined, { signal });
  }
}

async function readJob(cluster: Cluster, path: string, signal: AbortSignal): Promise<JobShape | undefined> {
  const value = await cluster.read(path, signal);
  if (value === undefined) return undefined;
  const shaped = tryShape(jobShape, value);
  if (shaped.success) return shaped.data;
  throw new ClusterError("UNREACHABLE", `${path}: what is given as a Job is none`);
}

/** Looks at a Job until it has ended, or its time is over; undefined where it is not there any more. */
async function watchJob(trial: Trial, uid: string, signal: AbortSignal): Promise<JobEnd | undefined> {
  const { cluster, path, patience, request } = trial;
  const end = performance.now() + request.timeoutMs;
  let lackingSince: number | undefined;
  let denials = 0;
  let last: JobState = { kind: "starts", hasPod: false, reason: "the cluster made no pod for it" };
  let pods: readonly PodShape[] = [];
  for (;;) {
    try {
      const job = await readJob(cluster, path, signal);
      if (job?.metadata.uid !== uid) return undefined;
      pods = podsOfJob(await cluster.list(trial.podsPath, `${label}=${trial.job.metadata.name}`, signal), uid);
      last = judgeJob(job, pods);
      if (last.kind === "starts" && !last.hasPod) {
        const denial = await findDenial(trial, uid, signal);
        denials = denial?.kind === "forbidden" ? denials + 1 : 0;
        if (denial !== undefined) last = { ...last, reason: denial.reason };
        if (denials >= deniedLooks) last = { kind: "failed", reason: last.reason };
      }
    } catch (error) {
      // A server that does not answer now may do so until the time is over.
      if (!(error instanceof AppError) || error.code !== "UNREACHABLE") throw error;
      last = { kind: "starts", hasPod: false, reason: messageOf(error) };
    }
    const now = performance.now();
    const isLacking = last.kind === "stuck" && last.on !== "node";
    lackingSince = isLacking ? (lackingSince ?? now) : undefined;
    const isEnd = last.kind === "complete" || last.kind === "failed" || last.kind === "away";
    const hasLackedLong = lackingSince !== undefined && now - lackingSince >= patience.lackMs;
    if (isEnd || hasLackedLong || now >= end) break;
    await delay(Math.min(patience.lookMs, Math.max(1, end - now)), undefined, { signal });
  }
  const { text: log, problem } = await readJobLog(cluster, trial.podsPath, pods, request.logBytes, signal);
  const said = problem === undefined ? [] : [problem];
  switch (last.kind) {
    case "complete":
      return { kind: "passed", log, notes: said };
    case "failed":
      return { kind: "failed", reason: last.reason, log, notes: said };
    case "runs":
      return { kind: "failed", reason: `it did not end within ${request.timeoutMs} ms`, log, notes: said };
    case "away":
    case "stuck":
    case "starts":
      return { kind: "unavailable", reason: last.reason, log };
  }
}

/** What the cluster says of a Job that has no pod; nothing where we may not ask. */
async function findDenial(
  { cluster, request }: Trial,
  uid: string,
  signal: AbortSignal,
): Promise<ReturnType<typeof denialIn>> {
  const events = `/api/v1/namespaces/${request.place.namespace}/events`;
  try {
    return denialIn(await cluster.list(events, undefined, signal, `involvedObject.uid=${uid}`), uid);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError && error.code === "DENIED") return undefined;
    throw error;
  }
}

/** What does not come to a Job at all: what the server refuses for what it is, is the check's failure; what it cannot do or does not let us is not. */
function refusalOf(error: unknown): JobEnd {
  if (!(error instanceof AppError)) throw error;
  const { hint } = error;
  const reason = hint === undefined ? messageOf(error) : `${messageOf(error)}. ${hint}`;
  const isRefused = error.code === "REFUSED" && !/\b(?:exceeded|failed) quota\b/.test(reason);
  return isRefused ? { kind: "failed", reason, log: "", notes: [] } : { kind: "unavailable", reason, log: "" };
}

function jobsPath({ namespace }: JobPlace): string {
  return `/apis/batch/v1/namespaces/${namespace}/jobs`;
}

/** The same for the same candidate, check and environment, whoever asks: there are never two of it. At most 63 characters, as a label has it. */
function nameOf({ check, image, environment, digest, platform }: JobRequest): string {
  const hash = sha([image, environment, digest, check, formatPlatform(platform)]).slice(0, 20);
  const slug = check
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 30)
    .replaceAll(/^-|-$/g, "");
  return `tidemill-${slug}-${hash}`.replaceAll(/-{2,}/g, "-");
}

function objectOf(
  request: JobRequest,
  name: string,
  us: { readonly owner: string; readonly process: string; readonly now: number },
): ReturnType<typeof fillJob> {
  const { work, place, reference, platform, timeoutMs, check, image, environment } = request;
  const terms: JobTerms = {
    name,
    namespace: place.namespace,
    labels: { "app.kubernetes.io/managed-by": "tidemill", [label]: name },
    annotations: {
      [notes.owner]: us.owner,
      [notes.process]: us.process,
      [notes.until]: new Date(us.now + timeoutMs + graceMs).toISOString(),
      "tidemill.dev/check": check,
      "tidemill.dev/image": image,
      "tidemill.dev/environment": environment,
    },
    reference,
    platform,
    deadline: Math.ceil((timeoutMs + graceMs) / 1000),
  };
  const made =
    work.kind === "own"
      ? ({ kind: "ok", job: makeJob(work.own, terms) } as const)
      : fillJob(work.manifest, work.containers, terms);
  if (made.kind === "invalid") return made;
  const { job } = made;
  const annotations = { ...job.metadata.annotations, [notes.spec]: sha(job.spec) };
  return { kind: "ok", job: { ...job, metadata: { ...job.metadata, annotations } } };
}

function sha(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}
