import { z } from "zod";
import { count, digest, environmentName, failure, imageName, instant, lane } from "./shapes.ts";

/** What every list is asked with. */
const page = {
  limit: z.number().int().min(1).max(500).default(100),
  /** The `next` of the page before: goes on after its last item, whatever came or went meanwhile. */
  cursor: z.string().min(1).max(500).optional(),
  /** `key=value`: only what is about images that bear one of them. */
  labels: z
    .array(z.string().regex(/^[^=\s]{1,200}=\S{0,500}$/, "a label, as `team=payments`"))
    .max(50)
    .optional(),
};
/** Null on the last page. */
const next = z.string().nullable();

export const imagesInput = z.strictObject({
  ...page,
  /** Part of a name. */
  name: z.string().min(1).max(255).optional(),
  recipe: z.enum(["packages", "dockerfile", "upstream", "external"]).optional(),
  /** Only those of which this environment runs something. */
  environment: environmentName.optional(),
});

/** Images of the fleet, by name. */
export const images = z.object({
  items: z.array(
    z.object({
      name: z.string(),
      recipe: z.enum(["packages", "dockerfile", "upstream", "external"]),
      repository: z.string(),
      parents: z.array(z.string()),
      platforms: z.array(z.string()),
      labels: z.array(z.string()),
      environments: z.array(z.object({ name: z.string(), digest: digest.nullable(), since: instant.nullable() })),
      /** Of what it is now; `unknown` is never clean. */
      findings: z.object({ state: z.enum(["known", "unknown"]), cures: count.int(), asOf: instant.nullable() }),
    }),
  ),
  next,
});

const rebuildStates = ["queued", "building", "built", "promoted", "unchanged", "failed", "superseded"] as const;

export const rebuildsInput = z.strictObject({
  ...page,
  image: imageName.optional(),
  state: z.enum(rebuildStates).optional(),
  lane: lane.optional(),
});

/** Rebuilds, the newest first. */
export const rebuilds = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      image: z.string(),
      state: z.enum(rebuildStates),
      lane,
      candidate: digest.nullable(),
      attempts: count.int(),
      createdAt: instant,
      notBefore: instant,
      finishedAt: instant.nullable(),
      failure: failure.nullable(),
    }),
  ),
  next,
});

const promotionStates = ["intent", "confirmed", "conflict", "refused"] as const;

export const promotionsInput = z.strictObject({
  ...page,
  image: imageName.optional(),
  environment: environmentName.optional(),
  kind: z.enum(["promoted", "rolled-back"]).optional(),
  state: z.enum(promotionStates).optional(),
});

/** Moves of environments, the newest first. */
export const promotions = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      image: z.string(),
      environment: z.string(),
      from: digest.nullable(),
      to: digest,
      kind: z.enum(["promoted", "rolled-back"]),
      state: z.enum(promotionStates),
      by: z.string(),
      reason: z.string(),
      createdAt: instant,
      confirmedAt: instant.nullable(),
    }),
  ),
  next,
});
