import { resolve } from "node:path";
import type { CheckConfig } from "../../core/config/index.ts";
import { parsePlatform, samePlatform, type Platform } from "../../core/image/index.ts";
import { maxJobManifest, parseJobManifest } from "../../core/job/index.ts";
import type { JobRequest, JobRunner } from "../../io/cluster/index.ts";
import { messageOf, printable, readTextFile } from "../../lib/index.ts";
import { placeOfJob } from "./job-places.ts";
import { lastLines, maxCheckLog } from "./last-lines.ts";
import type { CheckResult, VerifyRequest } from "./types.ts";

type JobCheck = Extract<CheckConfig, { job: unknown }>;
type Outcome = Pick<CheckResult, "verdict" | "messages" | "wordWanted" | "log">;
type Asked = Pick<VerifyRequest, "digest" | "told" | "referenceIn">;

interface Means {
  readonly jobs: JobRunner | undefined;
  /** Folder of the configuration: the kubeconfig and the manifest are relative to it. */
  readonly home: string;
}

/** Tries one platform of the candidate in a Job of a cluster, once. Whatever keeps the cluster from doing it is no failure of the candidate. Only an abort throws. */
export async function checkJob(
  check: JobCheck,
  request: Asked,
  platform: Platform,
  { jobs, home }: Means,
  signal: AbortSignal = new AbortController().signal,
): Promise<Outcome> {
  const { job } = check;
  if (jobs === undefined)
    return { verdict: "not_run", messages: ["no cluster is reached from here"], wordWanted: true };
  if (job.platforms?.some((one) => samePlatform(parsePlatform(one), platform)) === false)
    return { verdict: "not_run", messages: [`it is asked on ${job.platforms.join(", ")} alone`] };
  const work = await readWork(job, home);
  if ("problems" in work) return { verdict: "failed", messages: work.problems };
  const { told, digest, referenceIn } = request;
  const end = await jobs.run(
    {
      place: placeOfJob(job, home),
      check: check.name,
      image: told.image,
      environment: told.environment,
      digest,
      reference: job.registry === undefined ? told.reference : (referenceIn?.(job.registry) ?? told.reference),
      platform,
      work,
      timeoutMs: check.timeout,
      logBytes: maxCheckLog,
    },
    signal,
  );
  if (end.kind === "unavailable")
    return { verdict: "not_run", messages: [printable(end.reason)], wordWanted: true, log: end.log };
  if (end.kind === "passed") return { verdict: "passed", messages: end.notes, log: end.log };
  const said = lastLines(end.log).map((line) => line.slice(0, 500));
  return { verdict: "failed", messages: [printable(end.reason), ...end.notes, ...said], log: end.log };
}

async function readWork(
  job: JobCheck["job"],
  home: string,
): Promise<JobRequest["work"] | { readonly problems: readonly string[] }> {
  const { manifest: path, containers } = job;
  if (path === undefined) return { kind: "own", own: job };
  try {
    const parsed = parseJobManifest(await readTextFile(resolve(home, path), maxJobManifest));
    if (parsed.kind === "ok") return { kind: "manifest", manifest: parsed.manifest, containers };
    return { problems: parsed.problems.map((problem) => `${path}:${problem}`) };
  } catch (error) {
    return { problems: [`${path} cannot be read: ${printable(messageOf(error))}`] };
  }
}
