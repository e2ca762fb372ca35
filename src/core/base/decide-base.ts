import { formatPlatform, samePlatform, type Platform } from "../image/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";

/** What is known of a followed base. */
export interface BaseState {
  /** What images may be built on; without a tag where a digest is followed that its tag did not name yet. */
  readonly believed:
    { readonly digest: Digest; readonly tag?: string; readonly since: Instant; readonly previous?: Digest } | undefined;
  /** What it showed when it was last looked at, since when, and whether that was a return to something older. */
  readonly shown:
    { readonly digest: Digest; readonly tag: string; readonly since: Instant; readonly isBack: boolean } | undefined;
  /** What had settled and was whole, oldest first, and cools down: a base that is made anew every day would otherwise never be believed. */
  readonly waiting: readonly { readonly digest: Digest; readonly tag: string; readonly firstSeen: Instant }[];
  /** Every digest that it ever showed, with the moment on our own clock. */
  readonly history: readonly { readonly digest: Digest; readonly firstSeen: Instant }[];
}

/** What a look at a base found. Nothing that the image says of itself (`created`) is in it. */
export type BaseSight =
  | {
      readonly kind: "found";
      readonly tag: string;
      readonly digest: Digest;
      /** Those that the image has; undefined where it was not looked into. */
      readonly platforms: readonly Platform[] | undefined;
      readonly signature: SignatureSight;
      /** What the registry's clock said; undefined where it said nothing. */
      readonly theirs?: Instant | undefined;
    }
  /** The tag, or every tag that fits, is no longer there. */
  | { readonly kind: "gone"; readonly reason: string };

export type SignatureSight =
  | { readonly kind: "not-asked" }
  | { readonly kind: "verified"; readonly by: string }
  | { readonly kind: "refused"; readonly reason: string };

export interface BasePolicy {
  /** What the base must have; none where anything will do. */
  readonly platforms: readonly Platform[];
  /** Milliseconds for which what it shows must have stood still. */
  readonly settleMs: number;
  /** Milliseconds since we first saw it. */
  readonly coolDownMs: number;
  /** Followed by digest: a newer one is proposed, never taken. */
  readonly pinned?: Digest | undefined;
  /** Digests that a person took: they pass cool-down, settle window and hold, never signature or platforms. */
  readonly accepted?: readonly Digest[];
}

/** What is to be believed of a base, and what is known of it from now on. */
export type BaseDecision = { readonly next: BaseState } & (
  | { readonly kind: "same"; readonly digest: Digest; readonly tag: string }
  | {
      readonly kind: "new";
      readonly digest: Digest;
      readonly tag: string;
      readonly firstSeen: Instant;
      readonly previous: Digest | undefined;
    }
  /** A newer digest than the one that is followed. */
  | { readonly kind: "proposed"; readonly digest: Digest; readonly tag: string; readonly firstSeen: Instant }
  /** It still changes, or lacks platforms (`missing`). `until` is the end of the settle window; where it is past, platforms are all that it waits for. */
  | {
      readonly kind: "settling";
      readonly digest: Digest;
      readonly tag: string;
      readonly until: Instant;
      readonly missing: readonly string[];
    }
  | {
      readonly kind: "cool-down";
      readonly digest: Digest;
      readonly tag: string;
      readonly firstSeen: Instant;
      readonly until: Instant;
    }
  /** A tag that returned to a digest which it had before: somebody's rollback, or somebody's replay. A hold. */
  | { readonly kind: "moved-back"; readonly digest: Digest; readonly tag: string; readonly firstSeen: Instant }
  | { readonly kind: "unsigned"; readonly digest: Digest; readonly tag: string; readonly reason: string }
  | { readonly kind: "gone"; readonly reason: string }
);

/** A registry's clock that is further ahead of ours than this is wrong, and is not followed: one such answer would hold a base for years. */
const furthestAheadMs = 7 * 86_400_000;
/** More digests than this do not cool down at once; the oldest go first. */
const maxWaiting = 100;

/**
 * What to make of a look at a base at `now`. Whatever it shows, the last that was believed stays until another is. Waiting is measured by two clocks: it begins at the
 * later of ours and the registry's and ends when the earlier says so, so that a jump of one of them releases nothing early. What is seen first of a base is its
 * baseline, exempt from cool-down. A digest that cools down is believed in the end although the tag has moved on meanwhile, but not where it moved back.
 */
export function decideBase(state: BaseState, sight: BaseSight, now: Instant, policy: BasePolicy): BaseDecision {
  const believed = policy.pinned === undefined ? state.believed : pinnedState(state, policy.pinned, now);
  if (sight.kind === "gone") return { kind: "gone", reason: sight.reason, next: { ...state, believed } };
  const { digest, tag } = sight;
  const seen = noteSight({ ...state, believed }, sight, now);
  const { firstSeen, next } = seen;
  const which = { digest, tag };

  if (digest === believed?.digest)
    return { kind: "same", ...which, next: { ...next, waiting: [], believed: { ...believed, tag } } };
  if (sight.signature.kind === "refused") return { kind: "unsigned", ...which, reason: sight.signature.reason, next };

  const isAccepted = policy.accepted?.includes(digest) === true;
  if (next.shown?.isBack === true && believed !== undefined && !isAccepted)
    return { kind: "moved-back", ...which, firstSeen, next: { ...next, waiting: [] } };

  const earliest = Math.min(now, sight.theirs ?? now);
  const missing = missingPlatforms(policy.platforms, sight.platforms);
  const isFirst = believed === undefined && next.history.length === 1;
  const settled = (next.shown?.since ?? firstSeen) + (isFirst || isAccepted ? 0 : policy.settleMs);
  const isSettling = missing.length > 0 || (!isFirst && !isAccepted && earliest < settled);
  if (policy.pinned !== undefined)
    return isSettling
      ? { kind: "settling", ...which, until: settled, missing, next }
      : { kind: "proposed", ...which, firstSeen, next };
  const one = { ...which, firstSeen };
  const waiting =
    isSettling || next.waiting.some((each) => each.digest === digest) ? next.waiting : [...next.waiting, one];
  const isDue = (each: typeof one): boolean =>
    each.firstSeen + policy.coolDownMs <= earliest ||
    (each.digest === digest && (believed === undefined || isAccepted));
  const due = waiting.findLastIndex(isDue);
  const taken = waiting[due];
  if (taken !== undefined) return believe({ ...next, waiting: waiting.slice(due + 1) }, taken, now);
  if (isSettling) return { kind: "settling", ...which, until: settled, missing, next };
  const kept = { ...next, waiting: waiting.slice(-maxWaiting) };
  return { kind: "cool-down", ...which, firstSeen, until: firstSeen + policy.coolDownMs, next: kept };
}

function believe(state: BaseState, taken: BaseState["waiting"][number], now: Instant): BaseDecision {
  const { digest, tag, firstSeen } = taken;
  const previous = state.believed?.digest;
  const believed = { digest, tag, since: now, ...(previous === undefined ? {} : { previous }) };
  return { kind: "new", digest, tag, firstSeen, previous, next: { ...state, believed } };
}

/** The state with what was just seen, and when its digest was first seen. */
function noteSight(
  state: BaseState,
  { digest, tag, theirs }: Extract<BaseSight, { kind: "found" }>,
  now: Instant,
): { readonly firstSeen: Instant; readonly next: BaseState } {
  const isNear = theirs !== undefined && theirs - now <= furthestAheadMs;
  const latest = isNear ? Math.max(now, theirs) : now;
  const known = state.history.find((one) => one.digest === digest);
  const firstSeen = known?.firstSeen ?? latest;
  const history = known === undefined ? [{ digest, firstSeen }, ...state.history] : state.history;
  if (state.shown?.digest === digest) return { firstSeen, next: { ...state, history, shown: { ...state.shown, tag } } };
  const shown = { digest, tag, since: latest, isBack: known !== undefined };
  return { firstSeen, next: { ...state, history, shown } };
}

function pinnedState(state: BaseState, digest: Digest, now: Instant): NonNullable<BaseState["believed"]> {
  return state.believed?.digest === digest ? state.believed : { digest, since: now };
}

function missingPlatforms(wanted: readonly Platform[], there: readonly Platform[] | undefined): readonly string[] {
  if (there === undefined) return [];
  return wanted.filter((one) => !there.some((other) => samePlatform(one, other))).map(formatPlatform);
}
