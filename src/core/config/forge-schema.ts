import { z } from "zod";
import { forgeKinds } from "./address-of-forge.ts";
import { secureAddress } from "./values.ts";

/** Of a repository of a forge: `owner/name`; on GitLab groups may lie in groups. */
export const projectPath = z
  .string()
  .max(1000)
  .regex(/^(?!\.{1,2}\/)[A-Za-z0-9._-]+(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/, "`owner/name`");

/** Of a forge, where pull requests are opened. */
export const forgeFields = {
  provider: z.enum(forgeKinds).describe("Whose API is spoken; Forgejo speaks Gitea's"),
  api: secureAddress.optional().describe("Address of its API; by the host of `url:` without it"),
  repository: projectPath.optional().describe("By the path of `url:` without it"),
  labels: z
    .array(z.string().regex(/^[^,\p{Cc}]{1,100}$/u, "a label without commas"))
    .max(20)
    .default([]),
};

/** What becomes of a commit is said where it lies. */
export const report = z
  .strictObject({
    provider: forgeFields.provider,
    api: forgeFields.api,
    repository: forgeFields.repository,
    statuses: z.boolean().default(true).describe("Whether each verification is a status of the commit"),
    deployments: z
      .boolean()
      .default(true)
      .describe("Whether what an environment comes to run is a deployment of the forge; Gitea has none"),
  })
  .describe(
    "Verifications and deployments are said at the forge that `git:` lies at; its token is TIDEMILL_FORGE_TOKEN, else TIDEMILL_GIT_TOKEN; not without it",
  );

/** Who commits. */
export const committerFields = {
  author: z
    .strictObject({
      name: z.string().regex(/^[^<>\p{Cc}]{1,200}$/u, "a name without `<` and `>`"),
      email: z.string().regex(/^[^<>\s\p{Cc}]{1,200}$/u, "an address without `<` and `>`"),
    })
    .default({ name: "Tidemill", email: "tidemill@localhost" })
    .describe("Who commits; nobody else should, under this address: by it our commits are known"),
  signingKey: z
    .string()
    .min(1)
    .max(4096)
    .regex(/^\P{Cc}+$/u, "a path")
    .optional()
    .describe("File of an SSH key without a passphrase that signs the commits, relative to this configuration"),
};
