import type { ExternalImage } from "./core/config/index.ts";
import type { ExternalPipeline } from "./core/external/index.ts";
import { createGithubRuns, createGitlabRuns } from "./io/forge/index.ts";
import { createHttpRuns } from "./io/pipeline/index.ts";
import type { Clock } from "./lib/index.ts";

/** The pipeline that builds an image. Another kind is: a file, a line here, a value in the schema, a test. */
export function createPipeline({ pipeline }: ExternalImage, clock: Pick<Clock, "now">): ExternalPipeline {
  const { github, gitlab, http } = pipeline;
  if (github !== undefined) return createGithubRuns(github);
  if (gitlab !== undefined) return createGitlabRuns({ token: undefined, trigger: undefined, ...gitlab });
  if (http !== undefined) return createHttpRuns({ ...http, clock });
  throw new Error("it names no pipeline, which no configuration is taken with");
}
