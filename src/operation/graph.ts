import { z } from "zod";

export const graphInput = z.strictObject({
  /** An image or an upstream: only what a change of it reaches. */
  node: z.string().min(1).max(500).optional(),
});

/** What the images of the fleet are made of, and what a change reaches. */
export const graph = z.object({
  nodes: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(["image", "suites", "base", "git"]),
      /** Names of nodes that it is made of by itself. */
      from: z.array(z.string()),
      /** Images that a change of it reaches, parents before children. */
      reaches: z.array(z.string()),
    }),
  ),
});
export type Graph = z.output<typeof graph>;
