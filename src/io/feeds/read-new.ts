import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Instant } from "../../lib/index.ts";
import { downloadFeed } from "./download-feed.ts";
import type { Generation } from "./feed.ts";
import { fingerprint } from "./fingerprint.ts";
import { generationFile } from "./generation/write-generation.ts";
import type { Ingested, IngestJob } from "./ingest/ingest.ts";
import { runIngest } from "./ingest/run-ingest.ts";
import { readBucket, type BucketSource } from "./read-bucket.ts";
import type { FeedConfig, FeedLimits } from "./types.ts";

export type Taken =
  | { readonly kind: "unchanged" }
  | {
      readonly kind: "taken";
      readonly ingested: Ingested;
      readonly etag?: string | undefined;
      readonly lastModified?: string | undefined;
      readonly modified?: Instant | undefined;
      readonly sources?: Record<string, BucketSource>;
      /** Whether only what had changed was read. */
      readonly isPart?: boolean;
    };

export interface ReadingState {
  readonly home: string;
  /** What is in use, where it can be read. */
  readonly held: Generation | undefined;
  readonly before: IngestJob["before"];
  readonly limits: FeedLimits;
  readonly now: Instant;
}

/** Makes a generation of what a feed shows now, where that is another than what is held. Throws FeedError. */
export async function readNew(config: FeedConfig, state: ReadingState, signal?: AbortSignal): Promise<Taken> {
  const { home, held, limits, now, before } = state;
  const { kind, location, ecosystems } = config;
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const within = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const job = {
    kind,
    what: location,
    folder: home,
    ecosystems,
    limits,
    now,
    held: held && join(home, generationFile(held.content)),
    before,
  };
  await mkdir(home, { recursive: true });
  await removeParts(home);
  try {
    if (!/^https?:\/\//.test(location)) {
      const etag = await fingerprint(location);
      if (held?.etag === etag) return { kind: "unchanged" };
      return { kind: "taken", ingested: await runIngest({ ...job, sources: [location] }, within), etag };
    }
    if (location.endsWith("/")) return await readBucket(config, { ...state, job }, within);
    const path = join(home, "download.part");
    const download = await downloadFeed(location, path, held ?? {}, limits, within);
    if (download.kind === "unchanged") return download;
    const ingested = await runIngest({ ...job, sources: [path] }, within);
    const modified = kind === "debian-tracker" || kind === "secdb" ? download.modified : undefined;
    return { kind: "taken", ingested, ...download.validators, modified };
  } finally {
    await removeParts(home);
  }
}

/** What is only there while a feed is read, and what a killed process left of that. */
async function removeParts(home: string): Promise<void> {
  for (const name of await readdir(home))
    if (name.endsWith(".part")) await rm(join(home, name), { force: true, recursive: true });
}
