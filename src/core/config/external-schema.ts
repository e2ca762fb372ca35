import { z } from "zod";
import { check } from "./checks-schema.ts";
import { projectPath } from "./forge-schema.ts";
import { imageReference, namesOneSource, platforms, repository, sourceFields, tag } from "./image-values.ts";
import { duration, httpAddress, name, secureAddress, signingSecret, text, units } from "./values.ts";

const token = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[\x21-\x7e]+$/, "a token, without spaces");
const ref = z
  .string()
  .max(250)
  .regex(/^[^\s~^:?*[\\\p{Cc}]+$/u, "a branch or a tag");

const github = z.strictObject({
  repository: projectPath.regex(/^[^/]+\/[^/]+$/, "`owner/name`"),
  workflow: z
    .string()
    .regex(/^(?:[A-Za-z0-9._-]{1,200}\.ya?ml|\d{1,18})$/, "the file of a workflow, as `build.yml`, or its number"),
  ref: ref.default("main").describe("Branch or tag whose workflow is run"),
  api: secureAddress
    .default("https://api.github.com")
    .describe("Of an Enterprise Server: `https://git.example/api/v3`"),
  token: token.describe("May name a variable: `${GITHUB_TOKEN}`. It needs to read and write Actions of the repository"),
});

const gitlab = z
  .strictObject({
    project: projectPath.describe("With its groups: `group/shop`"),
    ref: ref.default("main"),
    api: secureAddress
      .default("https://gitlab.com/api/v4")
      .describe("Of a GitLab of your own: `https://git.example/api/v4`"),
    token: token.optional().describe("An access token with the scope `api`: runs are started, looked at and cancelled"),
    trigger: token.optional().describe("A trigger token, in its place or beside it: it starts pipelines, and no more"),
  })
  .refine((one) => one.token !== undefined || one.trigger !== undefined, { error: "name a `token:` or a `trigger:`" });

const http = z.strictObject({
  url: httpAddress,
  secret: signingSecret,
});

const pipeline = z
  .strictObject({
    github: github.optional(),
    gitlab: gitlab.optional(),
    http: http.optional(),
    poll: duration
      .default(30 * units.s)
      .refine((every) => every >= 100 && every <= units.h, { error: "at least 100ms, at most 1h" })
      .describe("Between two looks at its tag and its run"),
    timeout: duration.default(units.h).describe("Within which a run has to have given its digest"),
    retries: z.number().int().min(0).max(10).default(0).describe("Runs after one that failed, before the rebuild does"),
    callback: z
      .boolean()
      .default(true)
      .describe(
        "Whether it is told an address and a token to call back with, where `server.url` says how it is reached",
      ),
  })
  .refine((one) => [one.github, one.gitlab, one.http].filter((given) => given !== undefined).length === 1, {
    error: "name one of `github:`, `gitlab:` and `http:`",
  });

/** An image that the user's own pipeline builds. */
export const externalImage = z.strictObject({
  recipe: z
    .literal("external")
    .describe("Your pipeline builds it: Tidemill says when and why, and takes what comes of it"),
  repository: repository
    .optional()
    .describe("Path in the registry, to which the pipeline pushes; the image's own name without it"),
  pipeline,
  baseline: tag
    .default("latest")
    .describe(
      "Tag of its repository that says what there is before Tidemill begins; where it is not there, the pipeline builds the first",
    ),
  source: z
    .strictObject({
      ...sourceFields,
      dockerfile: text
        .optional()
        .describe("Relative to the context; without it nothing is known of what it is made of"),
    })
    .refine(namesOneSource, { error: "name either `context:` or `git:`" })
    .optional()
    .describe("What the pipeline builds it from: a change is a cause, and so are the bases of its Dockerfile"),
  bases: z
    .array(imageReference)
    .max(100)
    .default([])
    .describe(
      "Images that it is made of, beside those of a Dockerfile; how their tags are followed is said in `bases:`",
    ),
  labels: z
    .record(z.string().min(1).max(200), text)
    .optional()
    .describe("By which access can be limited; the image, which is your pipeline's, does not get them"),
  upstream: name.optional().describe("Whose suites tell what is newer than its packages; by its os-release without it"),
  platforms,
  checks: z.array(check).max(100).default([]),
});

export type ExternalImage = z.output<typeof externalImage>;
