import { z } from "zod";
import { count, digest, packageChange, pathText } from "./shapes.ts";

export const rebaseInput = z.strictObject({
  /** What is to be rebased: a registry reference, an OCI layout directory, or a docker archive. */
  image: pathText,
  /** The base that it shall stand on. */
  onto: pathText,
  /** The base that it stands on; without it the image's annotations say. */
  oldBase: pathText.optional(),
  /** Where the result goes: a registry reference or an OCI layout; without it the image's own repository, under its digest alone. */
  to: pathText.optional(),
  /** Only say what would be done. */
  dryRun: z.boolean().default(false),
});

const platform = z.object({
  platform: z.string(),
  digest,
  /** Layers that are the base's and the application's, and the bytes of what both changed. */
  layers: z.object({ base: count.int(), application: count.int(), mergeBytes: count.int() }),
  /** Paths that both sides changed, and what is done with each. */
  treatments: z.array(
    z.object({
      path: z.string(),
      action: z.enum(["merged", "regenerated", "kept", "dropped"]),
      reason: z.string(),
    }),
  ),
  packages: z.array(packageChange),
});

/** An image on a new base, or why that would not be safe. */
export const rebase = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("rebased"),
    image: z.string(),
    from: digest,
    oldBase: digest,
    base: digest,
    digest,
    /** Where it was written; null after a dry run. */
    written: z.string().nullable(),
    platforms: z.array(platform),
    bytes: count,
    bytesUploaded: count,
  }),
  z.object({ kind: z.literal("unchanged"), image: z.string(), digest, base: digest }),
  z.object({
    kind: z.literal("refused"),
    image: z.string(),
    from: digest,
    reasons: z
      .array(
        z.object({
          code: z.string(),
          platform: z.string().nullable(),
          path: z.string().nullable(),
          package: z.string().nullable(),
          library: z.string().nullable(),
          message: z.string(),
        }),
      )
      .min(1),
  }),
]);
export type Rebase = z.output<typeof rebase>;
