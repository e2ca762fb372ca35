import { z } from "zod";
import { digest, digestPrefix, environmentName, imageName } from "./shapes.ts";

export const gateInput = z.strictObject({
  image: imageName,
  environment: environmentName,
  /** Without it: what the environment names. */
  digest: digestPrefix.optional(),
});

/** Whether a digest may run in an environment, by the rules that a promotion is held to. */
export const gate = z.object({
  image: z.string(),
  environment: z.string(),
  /** Null where the environment names nothing, or no such digest is known. */
  digest: digest.nullable(),
  /** What to pull: repository and digest. */
  reference: z.string().nullable(),
  /** Whether it is what the environment names. */
  named: z.boolean(),
  verdict: z.enum(["passed", "refused"]),
  /** Why it is refused, one sentence each. */
  reasons: z.array(z.string()),
});
export type Gate = z.output<typeof gate>;
