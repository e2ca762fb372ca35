import { z } from "zod";
import {
  count,
  digest,
  digestPrefix,
  environmentName,
  failure,
  hold,
  imageName,
  instant,
  pathText,
  personName,
  reasonText,
} from "./shapes.ts";

/** What an action was refused for, each a sentence. Refusals are answers, not errors. */
const refused = z.object({ kind: z.literal("refused"), reasons: z.array(z.string()).min(1) });

export const runInput = z.strictObject({
  /** Only these images and what they are built on. */
  images: z.array(imageName).max(10_000).optional(),
});

/** One pass of the loop: watch, plan, and carry out until nothing is left to do now. */
export const run = z.object({
  startedAt: instant,
  seconds: count,
  images: count.int(),
  built: count.int(),
  rebuilt: count.int(),
  unchanged: count.int(),
  held: count.int(),
  failed: count.int(),
  rolledBack: count.int(),
  rebuilds: z.array(
    z.object({
      id: z.string(),
      image: z.string(),
      state: z.enum(["queued", "building", "built", "promoted", "unchanged", "failed", "superseded"]),
      from: digest.nullable(),
      to: digest.nullable(),
      seconds: count.nullable(),
      reason: z.string(),
      failure: failure.nullable(),
    }),
  ),
  /** Raised or still standing at the end of the pass. */
  alarms: z.array(
    z.object({ code: z.string(), subject: z.string(), message: z.string(), hint: z.string().nullable() }),
  ),
});
export type Run = z.output<typeof run>;

export const rebuildInput = z.strictObject({
  image: imageName,
  /** Whether updates come, too, that are held back because they broke its checks, or wait out their cool-down. */
  withHeld: z.boolean().optional(),
  by: personName,
  reason: reasonText,
});
export const rebuild = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("queued"),
    image: z.string(),
    rebuild: z.string(),
    /** Whether one was already waiting, which this joined. */
    joined: z.boolean(),
    /** What is newer and does not come with it, and why, each a sentence. */
    kept: z.array(z.string()),
  }),
  refused,
]);

export const promoteInput = z.strictObject({
  image: imageName,
  environment: environmentName,
  /** Without it: the newest candidate that passed in the environment before. */
  digest: digestPrefix.optional(),
  by: personName,
  reason: reasonText,
});
export const promote = z.discriminatedUnion("kind", [
  z.object({
    kind: z.enum(["promoted", "unchanged"]),
    image: z.string(),
    environment: z.string(),
    from: digest.nullable(),
    to: digest,
  }),
  refused,
]);

export const deployInput = z.strictObject({
  image: imageName,
  environment: environmentName,
  /** Says what would be done, and does nothing. */
  dryRun: z.boolean().default(false),
  by: personName,
  reason: reasonText,
});
const deployTo = { image: z.string(), environment: z.string(), digest };
export const deploy = z.discriminatedUnion("kind", [
  z.object({
    kind: z.enum(["asked", "unchanged"]),
    ...deployTo,
    /** Whether each is known to run it now, and what it waits for where it does not. */
    deployments: z.array(z.object({ name: z.string(), runs: z.boolean(), waiting: z.string().nullable() })),
  }),
  z.object({
    kind: z.literal("planned"),
    ...deployTo,
    deployments: z.array(z.object({ name: z.string(), steps: z.array(z.string()), problem: z.string().nullable() })),
  }),
  refused,
]);

export const approveInput = z.strictObject({
  image: imageName,
  environment: environmentName,
  /** Without it: the candidate that is on its way. */
  digest: digestPrefix.optional(),
  by: personName,
  reason: reasonText,
});
export const approve = z.discriminatedUnion("kind", [
  z.object({
    kind: z.enum(["approved", "rejected"]),
    image: z.string(),
    environment: z.string(),
    digest,
    /** People whose approval counts, and how many are wanted. */
    approvals: count.int(),
    wanted: count.int(),
  }),
  refused,
]);

export const rollbackInput = z.strictObject({
  image: imageName,
  /** Without it: the last environment. */
  environment: environmentName.optional(),
  /** Without it: the last good digest before the one that runs. */
  digest: digestPrefix.optional(),
  by: personName,
  reason: reasonText,
});
export const rollback = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("rolled-back"),
    image: z.string(),
    environment: z.string(),
    from: digest,
    to: digest,
    /** The exposure that it opens again: ids that the digest it left had closed. */
    reopened: z.array(z.string()),
  }),
  refused,
]);

export const holdInput = z.strictObject({
  /** Without it: the whole fleet. */
  image: imageName.optional(),
  environment: environmentName.optional(),
  by: personName,
  reason: reasonText,
  until: instant.optional(),
});
export const held = z.object({ hold });

export const resumeInput = z.strictObject({
  image: imageName.optional(),
  environment: environmentName.optional(),
  by: personName,
  reason: reasonText,
});
/** The holds that were lifted: exactly those whose image and environment are the ones named. */
export const resumed = z.object({ lifted: z.array(hold) });

export const buildInput = z.strictObject({
  image: imageName,
  /** A registry reference, a directory for an OCI layout, or a path that ends in `.tar`; without it the embedded registry. */
  to: pathText.optional(),
  platforms: z.array(z.string().min(1).max(100)).max(20).optional(),
});
export const build = z.object({
  image: z.string(),
  digest,
  platforms: z.array(z.string()),
  packages: count.int(),
  bytes: count,
  bytesUploaded: count,
  seconds: count,
  written: z.object({ kind: z.enum(["registry", "layout", "archive"]), reference: z.string() }),
  warnings: z.array(z.string()),
});
