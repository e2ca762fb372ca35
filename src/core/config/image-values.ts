import { z } from "zod";
import { text, variable } from "./values.ts";

/** Path of an image in the registry. */
export const repository = z
  .string()
  .regex(
    /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/,
    "a repository: lower-case path components, as `team/app`",
  )
  .max(200);

export const platform = z.enum(["linux/amd64", "linux/arm64"]);
export const platforms = z.array(platform).min(1).max(2).default(["linux/amd64"]);

export const imageReference = z
  .string()
  .max(500)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:@/+-]*$/, "an image: `debian:12`, `registry.example/team/app:1.2`");

export const tag = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, "a tag");

/** What an image is built from: one of `context` and `git`. */
export const sourceFields = {
  context: text.optional().describe("Folder of the build context, relative to this configuration"),
  git: z
    .strictObject({
      url: text.describe("https, ssh or file; credentials come from the environment or Git's own helper"),
      ref: z.string().min(1).max(250).default("HEAD").describe("Branch, tag or commit; a branch or a tag is watched"),
      subdirectory: text.optional().describe("Folder in it that is the build context"),
    })
    .optional()
    .describe("In place of `context`"),
  target: z.string().min(1).max(200).optional().describe("Stage to build; the last one without it"),
  args: z.record(variable, text).default({}),
};

/** Refuses both and neither. */
export function namesOneSource({ context, git }: { readonly context?: unknown; readonly git?: unknown }): boolean {
  return (context === undefined) !== (git === undefined);
}
