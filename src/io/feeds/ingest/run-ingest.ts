import { Worker } from "node:worker_threads";
import { FeedError } from "../error.ts";
import type { Ingested, IngestJob } from "./ingest.ts";

export type IngestReply =
  | { readonly kind: "done"; readonly ingested: Ingested }
  | {
      readonly kind: "failed";
      readonly code: FeedError["code"];
      readonly message: string;
      readonly hint: string | undefined;
      readonly retry: boolean;
    };

/** Megabytes of objects in the thread: far more than it needs. A feed that makes it grow past them fails alone. */
const heapMegabytes = 1024;
/** Milliseconds that a thread waits for the next feed before it ends, with the memory that it took. */
const idleMs = 5_000;

/** A thread that has nothing to do; it keeps no process alive. */
let idle: { readonly worker: Worker; readonly timer: NodeJS.Timeout } | undefined;

/** Makes a generation in a thread, so that neither probes nor leases wait for it. Throws what `ingest` throws, and FEED_UNREADABLE where the thread ended without an answer. */
export async function runIngest(job: IngestJob, signal?: AbortSignal): Promise<Ingested> {
  signal?.throwIfAborted();
  const worker = takeThread();
  let isReusable = false;
  const stop = (): void => void worker.terminate();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const reply = await ask(worker, job);
    isReusable = true;
    if (reply.kind === "done") return reply.ingested;
    throw new FeedError(reply.code, reply.message, {
      retry: reply.retry,
      ...(reply.hint === undefined ? {} : { hint: reply.hint }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    if (isReusable && signal?.aborted !== true) keepThread(worker);
    else await worker.terminate();
  }
}

function ask(worker: Worker, job: IngestJob): Promise<IngestReply> {
  return new Promise<IngestReply>((resolve, reject) => {
    const failed = (why: string, cause?: unknown): void =>
      reject(new FeedError("FEED_UNREADABLE", `${job.what}: ${why}`, { cause, retry: true }));
    const onError = (error: Error): void => failed(error.message, error);
    const onExit = (): void => failed("the thread that read it ended");
    worker.once("error", onError);
    worker.once("exit", onExit);
    worker.once("message", (reply: IngestReply) => {
      worker.off("error", onError);
      worker.off("exit", onExit);
      resolve(reply);
    });
    // A thread has no origin: the rule means windows.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    worker.postMessage(job);
  });
}

function takeThread(): Worker {
  if (idle !== undefined) {
    const { worker, timer } = idle;
    clearTimeout(timer);
    idle = undefined;
    worker.ref();
    return worker;
  }
  const file = `./ingest-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`;
  const worker = new Worker(new URL(file, import.meta.url), {
    name: "feed",
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes, maxYoungGenerationSizeMb: 32 },
  });
  const forget = (): void => {
    if (idle?.worker === worker) idle = undefined;
  };
  worker.once("error", forget);
  worker.once("exit", forget);
  return worker;
}

function keepThread(worker: Worker): void {
  if (idle !== undefined) return void worker.terminate();
  worker.unref();
  const timer = setTimeout(() => {
    if (idle?.worker === worker) idle = undefined;
    void worker.terminate();
  }, idleMs);
  timer.unref();
  idle = { worker, timer };
}
