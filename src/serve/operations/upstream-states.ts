import { loadFeeds, type FeedStatus } from "../../io/feeds/index.ts";
import type { Observation, Upstream } from "../../io/store/index.ts";
import { formatAge, type Instant } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import { formatInstant, type Status } from "../../operation/index.ts";

type UpstreamView = Status["upstreams"][number];

/** An upstream as it is shown, and what the state of images hangs on. */
export interface UpstreamState {
  readonly view: UpstreamView;
  /** Whether what was last seen of it may still be taken for what it offers. */
  readonly isFresh: boolean;
  /** When its newest content was first seen. */
  readonly changed: Instant | undefined;
}

const hour = 3_600_000;
const kinds: readonly string[] = ["suite", "base", "git", "feed"] satisfies UpstreamView["kind"][];

/** The suites and feeds that the configuration names and whatever else is watched, by name; one that nobody has looked at is `unseen`. */
export async function loadUpstreamStates(ctx: Context): Promise<Map<string, UpstreamState>> {
  const [rows, newest, { statuses }] = await Promise.all([
    ctx.store.loadUpstreams(),
    ctx.store.loadNewestObservations(),
    loadFeeds(ctx.feeds),
  ]);
  const known = new Map(rows.map((row) => [row.name, row]));
  const seen = new Map(newest.map((one) => [one.upstream, one]));
  const suites = [...ctx.suites.values()].flat().map(({ name }) => name);
  const others = rows.filter((row) => isWatched(ctx, row, rows)).map(({ name }) => name);
  const feeds = new Map(statuses.map((status) => [status.name, status]));
  return new Map(
    [...new Set([...suites, ...feeds.keys(), ...others])].sort().map((name) => {
      const state = describe(ctx, name, known.get(name), seen.get(name));
      const feed = feeds.get(name);
      return [name, feed === undefined ? state : describeFeed(state, feed)];
    }),
  );
}

/** Bases and repositories are named by Dockerfiles, which change: what is no longer looked at when the others are is no upstream any more. */
function isWatched(ctx: Context, { kind, lastAttempt }: Upstream, rows: readonly Upstream[]): boolean {
  if (kind !== "base" && kind !== "git") return false;
  const newest = rows.reduce((most, row) => Math.max(most, row.lastAttempt ?? 0), 0);
  return lastAttempt !== null && newest - lastAttempt < Math.max(hour, 3 * ctx.config.watch.interval);
}

/** A feed that answers may be old all the same. Its alarms begin with its name, which stands beside them here. */
function describeFeed({ view, ...rest }: UpstreamState, { name, alarm, fault }: FeedStatus): UpstreamState {
  const bare = (text: string | null) => (text?.startsWith(`${name}: `) === true ? text.slice(name.length + 2) : text);
  const named = { ...view, kind: "feed", problem: bare(view.problem) } as const;
  if (fault === undefined || view.state === "unseen") return { ...rest, view: named };
  if (view.state === "failing") return { ...rest, isFresh: false, view: named };
  return { ...rest, isFresh: false, view: { ...named, state: fault, problem: bare(alarm ?? view.problem) } };
}

/** A look that failed is no reason yet to doubt what was seen shortly before it. */
function describe(
  ctx: Context,
  name: string,
  row: Upstream | undefined,
  observation: Observation | undefined,
): UpstreamState {
  const now = ctx.clock.now();
  const lastSuccess = row?.lastSuccess ?? null;
  const generation = instantOf(observation?.detail.date);
  const validUntil = instantOf(observation?.detail.validUntil);
  const old =
    lastSuccess !== null && now - lastSuccess > Math.max(hour, 3 * ctx.config.watch.interval)
      ? `not seen for ${formatAge((now - lastSuccess) / 1000)}`
      : validUntil !== undefined && validUntil < now
        ? `what it offers expired on ${formatInstant(validUntil)}`
        : undefined;
  const failing = row !== undefined && row.failures > 0;
  const unseen = lastSuccess === null;
  return {
    view: {
      name,
      kind: row !== undefined && kinds.includes(row.kind) ? (row.kind as UpstreamView["kind"]) : "suite",
      state: failing ? "failing" : unseen ? "unseen" : old === undefined ? "ok" : "stale",
      lastSuccess: lastSuccess === null ? null : formatInstant(lastSuccess),
      generation: generation === undefined ? null : formatInstant(generation),
      problem:
        row?.lastError?.message ?? old ?? (unseen || row === undefined ? "never looked at" : describePending(row)),
    },
    isFresh: !unseen && old === undefined,
    changed: observation?.firstSeen,
  };
}

const pendingWords: Readonly<Record<string, string>> = {
  settling: "has not stood still for long enough, or lacks platforms",
  "cool-down": "waits out its cool-down",
  proposed: "is newer than the digest that is followed: a person takes it",
  "moved-back": "is older than what it showed before: it is not taken",
  unsigned: "is not signed as its policy asks",
};

/** What a base shows and is not believed yet, and why. */
function describePending(row: Upstream): string | null {
  const { state, shown } = row.kind === "base" ? row.detail : {};
  if (state === "gone") return "its tag is gone; what was believed before stays in use";
  const words = typeof state === "string" ? pendingWords[state] : undefined;
  const digest = typeof shown === "object" && shown !== null && "digest" in shown ? String(shown.digest) : undefined;
  return words === undefined || digest === undefined ? null : `${digest.slice(0, 19)} ${words}`;
}

/** A moment in an observation's detail, as a number or as text. */
export function instantOf(value: unknown): Instant | undefined {
  const at = typeof value === "number" ? value : typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isFinite(at) && Math.abs(at) <= 8_640_000_000_000_000 ? at : undefined;
}

/** One sentence for each upstream that cannot be trusted to be what it was. */
export function describeDoubts(states: ReadonlyMap<string, UpstreamState>): string[] {
  return [...states.values()]
    .filter(({ view }) => view.state !== "ok")
    .map(({ view }) => `${view.name} is ${view.state}: ${view.problem ?? "no reason is known"}`);
}
