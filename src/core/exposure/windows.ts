import type { Instant } from "../../lib/index.ts";
import type { ExposureLife, Milestone } from "./types.ts";

/**
 * The time between two facts of an exposure, in milliseconds, never negative. `measured`: both are known. `running`: it goes on, until now. `ahead`: what ends it was there before what begins it, as a
 * fix before its advisory: 0. `unknown`: a fact is missing. `skewed`: the end cannot have come before the beginning and is dated so: the clock was set between them, and nobody knows how long it was.
 */
export type Window =
  | { readonly kind: "measured" | "running" | "ahead"; readonly ms: number }
  | { readonly kind: "unknown" | "skewed"; readonly ms: null };

const unknown: Window = { kind: "unknown", ms: null };
const skewed: Window = { kind: "skewed", ms: null };

/** Pairs of which the later cannot be without the earlier. */
const causal: ReadonlySet<string> = new Set([
  "detected closed",
  "built verified",
  "built promoted",
  "built deployed",
  "verified promoted",
  "verified deployed",
  "promoted deployed",
]);

/** From one fact of an exposure to another. */
export function windowBetween(life: ExposureLife, from: Milestone, to: Milestone, now: Instant): Window {
  const start = life.clock[from]?.at;
  const end = life.clock[to]?.at;
  if (start === undefined) return unknown;
  if (end === undefined) return life.end === undefined ? runningSince(start, now) : unknown;
  if (end >= start) return { kind: "measured", ms: end - start };
  return causal.has(`${from} ${to}`) ? skewed : { kind: "ahead", ms: 0 };
}

/** How long the environment was exposed and we knew: from its detection to its end, or to now. */
export function exposedFor(life: ExposureLife, now: Instant): Window {
  return windowBetween(life, "detected", "closed", now);
}

/**
 * From the moment when there was a fix, and something to be fixed, to the moment when the fixed digest ran. Unknown where the fix's moment is, and where it ended otherwise than by a fix.
 */
export function fixToProduction(life: ExposureLife, now: Instant): Window {
  const fix = life.clock["fix-available"]?.at;
  if (fix === undefined) return unknown;
  const start = Math.max(fix, life.clock.detected.at);
  if (life.end === undefined) return runningSince(start, now);
  const closed = life.clock.closed?.at;
  if (closed === undefined || !isCure(life.end)) return unknown;
  if (closed >= start) return { kind: "measured", ms: closed - start };
  // It was fixed before anybody said that it was; or the clock was set.
  return closed < life.clock.detected.at ? skewed : { kind: "ahead", ms: 0 };
}

/** Whether an exposure ended because what runs is another digest. */
export function isCure(end: ExposureLife["end"]): boolean {
  return end === "deployed" || end === "promoted";
}

function runningSince(start: Instant, now: Instant): Window {
  return now < start ? skewed : { kind: "running", ms: now - start };
}
