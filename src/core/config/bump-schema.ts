import { z } from "zod";
import { bumpPrograms, bumpTypes } from "../bump/index.ts";
import { committerFields, forgeFields } from "./forge-schema.ts";
import { duration, size, sizes, text, units } from "./values.ts";

/** How a vulnerable package of a language is brought up to date in the repository that an image is made from. */
export const bump = z
  .strictObject({
    pullRequest: z
      .strictObject(forgeFields)
      .optional()
      .describe("The change is proposed to people; its token is TIDEMILL_FORGE_TOKEN, else TIDEMILL_GIT_TOKEN"),
    commit: z.literal(true).optional().describe("The change is pushed to the branch, without asking anybody"),
    url: z.string().min(1).max(2000).optional().describe("The repository; that of `git:` without it"),
    branch: z.string().min(1).max(250).optional().describe("What is built from; the `ref:` of `git:` without it"),
    subdirectory: text.optional().describe("Where its lock files are; that of `git:` without it"),
    packages: z
      .array(z.enum(bumpTypes))
      .min(1)
      .max(bumpTypes.length)
      .default([...bumpTypes])
      .describe("Of which kinds; all without it"),
    exclude: z
      .array(z.string().min(1).max(300))
      .max(1000)
      .default([])
      .describe("Packages that stay as they are, by their names"),
    coolDown: duration
      .optional()
      .describe(
        "How long a version that cures waits after we first saw it, the short one of the policies (`securityCoolDown`) without it; what is critical or known to be exploited passes",
      ),
    limits: z
      .strictObject({
        time: duration.default(5 * units.m),
        disk: size.default(sizes.GiB),
        memory: size.default(2 * sizes.GiB),
        output: size.default(4 * sizes.MiB),
      })
      .prefault({})
      .describe("Of a package manager, each time that it runs"),
    container: z
      .strictObject({
        image: z.string().min(1).max(1000).describe("That has the package managers, best by digest"),
        network: z
          .string()
          .regex(/^[\w.-]+$/)
          .max(200)
          .default("bridge")
          .describe("Of the Docker engine; one that reaches the registry alone is enough"),
      })
      .optional()
      .describe("Package managers run in a container of this machine's Docker engine"),
    tools: z
      .partialRecord(z.enum(bumpPrograms), z.string().min(1).max(4096).regex(/^\//, "write it from `/`"))
      .default({})
      .describe("Where package managers stand that are not on PATH, as `uv: /opt/uv/bin/uv`"),
    ...committerFields,
  })
  .refine(({ pullRequest, commit }) => (pullRequest === undefined) !== (commit === undefined), {
    error: "name either `pullRequest:` or `commit: true`",
  });

export type BumpConfig = z.output<typeof bump>;
