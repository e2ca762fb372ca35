import { parentPort } from "node:worker_threads";
import { messageOf } from "../../../lib/index.ts";
import { FeedError } from "../error.ts";
import { ingest, type IngestJob } from "./ingest.ts";
import type { IngestReply } from "./run-ingest.ts";

/** A thread that makes generations, one after the other. */
function answer(job: IngestJob): IngestReply {
  try {
    return { kind: "done", ingested: ingest(job) };
  } catch (error) {
    const known = error instanceof FeedError ? error : new FeedError("FEED_UNREADABLE", messageOf(error));
    return { kind: "failed", code: known.code, message: known.message, hint: known.hint, retry: known.retry };
  }
}

const port = parentPort;
port?.on("message", (job: IngestJob) => port.postMessage(answer(job)));
