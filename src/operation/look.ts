import { z } from "zod";

export const lookInput = z.strictObject({
  /** Images of others that moved; all that is followed without them. */
  references: z.array(z.string().min(1).max(500)).max(1000).default([]),
  /** What a registry sent of a push, as its JSON says it: docker distribution, Docker Hub, Harbor, GHCR, Quay, or `{"image": …}`. */
  notification: z.unknown().optional(),
});

/** Upstreams are looked at now. */
export const looked = z.object({
  /** What is asked anew. */
  references: z.array(z.string()),
  /** What could not be understood of what was sent. */
  problem: z.string().nullable(),
});
export type Looked = z.output<typeof looked>;
