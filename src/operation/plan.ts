import { z } from "zod";
import { cureView, findingView } from "./remedy.ts";
import { cause, count, instant, lane } from "./shapes.ts";

const plannedRebuild = z.object({
  image: z.string(),
  /** `rebuild` makes it anew; `rebase` only moves its layers onto the new base, where the build shows that to be safe. */
  remedy: z.enum(["rebuild", "rebase"]),
  lane,
  notBefore: instant.nullable(),
  causes: z.array(cause).min(1),
  /** The causes as one line. */
  reason: z.string(),
});

const heldBack = z.object({
  image: z.string(),
  kind: z.enum(["source", "cool-down", "hold", "quarantine", "breaker", "backoff", "parent"]),
  until: instant.nullable(),
  causes: z.array(cause),
  reason: z.string(),
});

export const planInput = z.strictObject({
  /** Ask the upstreams first; without it the plan speaks of what was last seen. */
  refresh: z.boolean().default(false),
});

/** What would be done now, in which order, and why; nothing is changed by asking. */
export const plan = z.object({
  at: instant,
  /** Waves in order: every rebuild of a wave may run at the same time, parents come in earlier waves. */
  waves: z.array(z.object({ rebuilds: z.array(plannedRebuild).min(1) })),
  held: z.array(heldBack),
  /** What is built and on its way: what it waits for, and until when where that is known. */
  waiting: z.array(
    z.object({ image: z.string(), environment: z.string().nullable(), reason: z.string(), until: instant.nullable() }),
  ),
  untouched: z.array(z.object({ image: z.string(), reason: z.string() })),
  /** What is wrong with what the images are now, each with its remedy and when that comes; the worst first, at most 5,000. */
  findings: z.array(findingView),
  /** Findings that are not told, for there are too many. */
  findingsLeftOut: count.int(),
  /** The same, put together by image, package and remedy. */
  cures: z.array(cureView),
  /** Images of which it is not known what is wrong with them, and why: never to be taken for clean. */
  unknown: z.array(z.object({ image: z.string(), reasons: z.array(z.string()) })),
  breaker: z.object({ open: z.boolean(), reason: z.string().nullable() }),
  /** What makes the plan less than certain: an upstream that is stale, an inventory that could not be read. */
  warnings: z.array(z.string()),
});
export type Plan = z.output<typeof plan>;
