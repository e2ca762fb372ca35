/** Whose pipeline builds an image: what of it no secret is in. */
export type PipelinePlace =
  | {
      readonly kind: "github";
      readonly api: string;
      readonly repository: string;
      readonly workflow: string;
      readonly ref: string;
    }
  | { readonly kind: "gitlab"; readonly api: string; readonly project: string; readonly ref: string }
  | { readonly kind: "http" };

/** A pipeline as the configuration has it. */
interface DeclaredPipeline {
  readonly github?: Omit<Extract<PipelinePlace, { kind: "github" }>, "kind"> | undefined;
  readonly gitlab?: Omit<Extract<PipelinePlace, { kind: "gitlab" }>, "kind"> | undefined;
}

export function pipelinePlace({
  pipeline: { github, gitlab },
}: {
  readonly pipeline: DeclaredPipeline;
}): PipelinePlace {
  if (github !== undefined) {
    const { api, repository, workflow, ref } = github;
    return { kind: "github", api, repository, workflow, ref };
  }
  if (gitlab === undefined) return { kind: "http" };
  const { api, project, ref } = gitlab;
  return { kind: "gitlab", api, project, ref };
}

/** A pipeline in words that follow "it is built by". */
export function describePipeline(place: PipelinePlace): string {
  if (place.kind === "github") return `the workflow ${place.workflow} of ${place.repository} at ${place.ref}`;
  return place.kind === "gitlab" ? `the pipeline of ${place.project} at ${place.ref}` : "its pipeline";
}
