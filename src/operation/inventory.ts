import { z } from "zod";
import { digest, pathText } from "./shapes.ts";

export const inventoryInput = z.strictObject({
  /** A registry reference, an OCI layout directory, a docker archive, a root directory or source tree, or an SBOM in JSON. */
  subject: pathText,
  platform: z.string().max(100).optional(),
  /** Write it as a bill of materials as well. */
  format: z.enum(["cyclonedx", "spdx"]).optional(),
});

/** What a digest, a directory or a bill of materials holds: every package, which layer brought it, what tells of it, who owns it. */
export const inventory = z.object({
  subject: z.string(),
  kind: z.enum(["image", "layout", "archive", "directory", "sbom"]),
  digest: digest.nullable(),
  platforms: z.array(
    z.object({
      platform: z.string().nullable(),
      os: z.string().nullable(),
      /** `unknown` where a part could not be read: never to be taken as whole. */
      status: z.enum(["complete", "unknown"]),
      problems: z.array(z.string()),
      packages: z.array(
        z.object({
          type: z.string(),
          name: z.string(),
          version: z.string(),
          architecture: z.string(),
          source: z.string(),
          sourceVersion: z.string(),
          purl: z.string(),
          layer: digest.nullable(),
          path: z.string().nullable(),
          owner: z.string().nullable(),
        }),
      ),
    }),
  ),
  /** In the format that was asked for. */
  document: z.string().nullable(),
});
export type InventoryView = z.output<typeof inventory>;
