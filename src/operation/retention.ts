import { z } from "zod";
import { digest, imageName, instant } from "./shapes.ts";

export const retentionInput = z.strictObject({ image: imageName.optional() });

/** What stays of each image and what the next round lets go, by the policy as it is now; nothing is changed. */
export const retention = z.object({
  images: z.array(
    z.object({
      image: z.string(),
      keep: z.array(
        z.object({
          digest,
          created: instant,
          /** `named`: an environment names it. `way-back`: one may return to it. `in-use`: it is on its way, or a running system uses it. `young`: for its age alone. */
          why: z.enum(["named", "way-back", "in-use", "young"]),
        }),
      ),
      drop: z.array(z.object({ digest, created: instant })),
    }),
  ),
});
export type RetentionView = z.output<typeof retention>;
