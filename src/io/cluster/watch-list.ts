import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { AppError, tryShape } from "../../lib/index.ts";
import { ClusterError } from "./error.ts";

/** A list of objects that is followed: its path, and which of them by labels or fields. */
export interface WatchedList {
  readonly path: string;
  readonly selector?: string;
  readonly fields?: string;
}

/** What a change was: an object came or went, or is another by now. */
export type Change = "came" | "went" | "changed";

export interface WatchEars {
  /** The server tells from now on. */
  readonly onOpen: () => void;
  readonly onChange: (change: Change) => void;
}

/** Why a watch ended: the server ended it, `version` being the newest that it told, or does not remember where it was to begin. */
export type WatchEnd = { readonly kind: "ended"; readonly version: string } | { readonly kind: "gone" };

const event = z.looseObject({
  type: z.string(),
  object: z.looseObject({
    code: z.number().optional(),
    message: z.string().max(10_000).optional(),
    metadata: z.looseObject({ resourceVersion: z.string().max(1000).optional() }).optional(),
  }),
});
const changes: Readonly<Record<string, Change>> = { ADDED: "came", DELETED: "went", MODIFIED: "changed" };
/** An object in etcd has at most 1.5 MiB, and of events only the metadata is asked for. */
const maxLine = 2 << 20;

/** The query of a watch. Bookmarks say how far the server is where nothing happens. API conventions, "Efficient detection of changes". */
export function watchQuery({ selector, fields }: WatchedList, from: string, seconds: number): string {
  const query = new URLSearchParams({ watch: "1", allowWatchBookmarks: "true", resourceVersion: from });
  query.set("timeoutSeconds", `${seconds}`);
  if (selector !== undefined) query.set("labelSelector", selector);
  if (fields !== undefined) query.set("fieldSelector", fields);
  return query.toString();
}

/** Reads the events of a watch, a JSON a line, to its end. Throws UNREACHABLE where they are none, TOO_LARGE. */
export async function readEvents(body: AsyncIterable<Buffer>, from: string, ears: WatchEars): Promise<WatchEnd> {
  let version = from;
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of body) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = rest.subarray(0, end).toString("utf8");
      rest = rest.subarray(end + 1);
      if (line.trim() === "") continue;
      const { type, object } = parseEvent(line);
      if (type === "ERROR") {
        if (object.code === 410) return { kind: "gone" };
        throw new ClusterError("UNREACHABLE", `a watch was ended: ${object.message ?? ""}`.slice(0, 500));
      }
      version = object.metadata?.resourceVersion ?? version;
      const change = changes[type];
      if (change !== undefined) ears.onChange(change);
    }
    if (rest.length > maxLine)
      throw new ClusterError("TOO_LARGE", `an event of a watch is larger than ${maxLine} bytes`);
  }
  return { kind: "ended", version };
}

function parseEvent(line: string): z.output<typeof event> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = undefined;
  }
  const shaped = tryShape(event, value);
  if (shaped.success) return shaped.data;
  throw new ClusterError("UNREACHABLE", "what a watch tells is no event");
}

/** How long a watch lasts and what is between two; milliseconds but for `seconds`. */
export interface FollowTimes {
  readonly seconds: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** Where we may not watch: rights are given by people. */
  readonly deniedPauseMs: number;
}

/** A connection that died unseen is noticed when its watch should have ended. */
const usualTimes: FollowTimes = { seconds: 180, firstPauseMs: 1000, longestPauseMs: 60_000, deniedPauseMs: 600_000 };

/** A watch that lasted less says that something is wrong. */
const shortMs = 2000;

/** As much of a cluster as following takes: how new a list is, and a watch of what comes after a version, which the server ends after `seconds`. */
export interface Watching {
  readonly version: (list: WatchedList, signal: AbortSignal) => Promise<string>;
  readonly watch: (
    list: WatchedList,
    from: string,
    seconds: number,
    ears: WatchEars,
    signal: AbortSignal,
  ) => Promise<WatchEnd>;
}

export interface FollowEars {
  /** Whether every change is told of now. Where it begins to be, what was before has to be looked at. */
  readonly onLive: (isLive: boolean) => void;
  readonly onChange: (change: Change) => void;
}

/**
 * Follows a list until `signal`: looks how new it is, watches from there, goes on where a watch ended, and begins anew where the server does not remember that (410). What goes wrong is tried again, after a pause that grows. Only an error that is
 * none of a cluster's is thrown.
 */
export async function followList(
  cluster: Watching,
  list: WatchedList,
  ears: FollowEars,
  signal: AbortSignal,
  times: FollowTimes = usualTimes,
): Promise<void> {
  let from: string | undefined;
  let pause = times.firstPauseMs;
  const rest = async (ms: number): Promise<void> => {
    pause = Math.min(times.longestPauseMs, pause * 2);
    // Not all at the same moment, after what ended them all.
    await delay(ms * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
  };
  while (!signal.aborted) {
    const started = performance.now();
    try {
      from ??= await cluster.version(list, signal);
      const onOpen = (): void => ears.onLive(true);
      const end = await cluster.watch(list, from, times.seconds, { onOpen, onChange: ears.onChange }, signal);
      if (end.kind === "gone") ears.onLive(false);
      from = end.kind === "ended" ? end.version : undefined;
      // A server that ends each watch at once is no reason to ask it without a pause.
      if (performance.now() - started < shortMs) await rest(pause);
      else pause = times.firstPauseMs;
    } catch (error) {
      ears.onLive(false);
      if (signal.aborted) return;
      if (!(error instanceof AppError)) throw error;
      from = undefined;
      await rest(error.code === "DENIED" ? times.deniedPauseMs : pause);
    }
  }
}
