import type { Digest, Instant } from "../../lib/index.ts";

/** What happens in the life of an exposure, in the order in which people tell it. The facts need not come in it. */
export const milestones = [
  "published",
  "fix-available",
  "detected",
  "built",
  "verified",
  "promoted",
  "deployed",
  "closed",
] as const;
export type Milestone = (typeof milestones)[number];

/**
 * How an exposure ended. `deployed`: every running system was seen to use a digest without it. `promoted`: the environment names such a digest, and no deployment says what runs. `withdrawn`: the
 * advisory was taken back. `changed`: it no longer names the version. `vex`: somebody said that it does not matter here. `retired`: the image is no longer declared.
 */
export const exposureEnds = ["deployed", "promoted", "withdrawn", "changed", "vex", "retired"] as const;
export type ExposureEnd = (typeof exposureEnds)[number];

/** One thing that is known of an advisory in one environment of one image, with whose word it is. */
export interface ExposureFact {
  readonly kind: Milestone;
  readonly at: Instant;
  /** Where it is known from, for people: `feed`, `promotion 0199…`. */
  readonly source: string;
  /**
   * Which of the environment's moves it belongs to: their numbers grow whatever the clock said. Of `published` and `fix-available`, which belong to none, it is 0; of what is on its way one more
   * than the last.
   */
  readonly turn: number;
  /** Of a step: what was built, verified, moved to. */
  readonly digest?: Digest;
  /** Of `closed`: how. */
  readonly end?: ExposureEnd;
}

/** A moment of an exposure, and whose word it is. */
export interface Dated {
  readonly at: Instant;
  readonly source: string;
}

/** One life of an exposure: from the moment when an environment had it and we knew, to its end. What comes back has another life. */
export interface ExposureLife {
  /** 1 for the first; a re-opened one counts on. */
  readonly life: number;
  readonly clock: Readonly<Partial<Record<Milestone, Dated>>> & { readonly detected: Dated };
  /** Undefined while it is open. */
  readonly end: ExposureEnd | undefined;
  /** The move of the environment that it was detected in. */
  readonly turn: number;
  /** What took it away, or is on its way to. */
  readonly digest: Digest | undefined;
}

export const severityLevels = ["critical", "high", "medium", "low", "none", "unknown"] as const;
export type SeverityLevel = (typeof severityLevels)[number];
