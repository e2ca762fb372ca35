import { startedIn, type PodShape } from "../../core/job/index.ts";
import { AppError, messageOf, printable } from "../../lib/index.ts";
import type { Cluster } from "./create-cluster.ts";

/** Of a Job: so many of its newest pods are heard. */
const maxPods = 5;
/** The end of what a container said, where its beginning filled all that is kept. */
const tailLines = 20;
const tailBytes = 32_768;

/** What the pods of a Job said, at most about `limit` bytes; `problem`: why some of it is missing, as a sentence. */
export interface JobLog {
  readonly text: string;
  readonly problem: string | undefined;
}

/** Reads the logs of every container that was started, in the order in which the pods came. Only an abort throws. Pod v1 core, "read log". */
export async function readJobLog(
  cluster: Pick<Cluster, "readText">,
  podsPath: string,
  pods: readonly PodShape[],
  limit: number,
  signal: AbortSignal,
): Promise<JobLog> {
  const heard = pods.slice(0, maxPods).reverse();
  const all = heard.flatMap((pod) => startedIn(pod).map((container) => ({ pod: pod.metadata.name, container })));
  const share = Math.floor(limit / Math.max(1, all.length));
  const read = (pod: string, container: string, query: Readonly<Record<string, string>>) =>
    cluster.readText(
      `${podsPath}/${encodeURIComponent(pod)}/log?${new URLSearchParams({ container, ...query }).toString()}`,
      signal,
    );
  const texts: string[] = [];
  try {
    for (const { pod, container } of all) {
      // What waits to be started again said something the time before.
      const isBefore = container.state?.running === undefined && container.state?.terminated === undefined;
      const before: Readonly<Record<string, string>> = isBefore ? { previous: "true" } : {};
      let text = (await read(pod, container.name, { limitBytes: `${share}`, ...before })) ?? "";
      if (Buffer.byteLength(text) >= share) {
        const tail = { tailLines: `${tailLines}`, limitBytes: `${tailBytes}`, ...before };
        text = `${text}\n[…]\n${(await read(pod, container.name, tail)) ?? ""}`;
      }
      texts.push(all.length === 1 ? shown(text) : prefixed(`${pod}/${container.name}`, text));
    }
    return { text: texts.join("\n"), problem: undefined };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AppError)) throw error;
    return { text: texts.join("\n"), problem: `its log could not be read: ${messageOf(error)}` };
  }
}

function shown(text: string): string {
  return text.trimEnd().split("\n").map(printable).join("\n");
}

function prefixed(who: string, text: string): string {
  const lines = text.trimEnd().split("\n");
  return lines.map((line) => `${printable(who)} | ${printable(line)}`).join("\n");
}
