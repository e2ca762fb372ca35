import type { ForgeKind } from "../config/index.ts";

export type CiSystem =
  "github-actions" | "gitea-actions" | "gitlab" | "jenkins" | "azure-pipelines" | "circleci" | "generic";

/** A repository of a forge. */
export interface ForgePlace {
  readonly kind: ForgeKind;
  /** Address of its API, without a slash at its end. */
  readonly api: string;
  readonly repository: string;
}

/** Where a job of a pipeline runs, as far as it says so itself. */
export interface CiPlace {
  readonly system: CiSystem;
  /** The pull request, or merge request, that the job runs for. */
  readonly pull: (ForgePlace & { readonly number: number }) | undefined;
  /** The commit that people know: the head of the pull request, not what was merged for the job alone. */
  readonly commit: (ForgePlace & { readonly sha: string }) | undefined;
  /** Whether the pull request comes from another repository: such jobs get a token that writes nothing. */
  readonly isFork: boolean;
  /** For people. */
  readonly runUrl: string | undefined;
  /** File that takes Markdown for the page of the job. */
  readonly summaryFile: string | undefined;
  /** File that takes `name=value` lines for later steps. */
  readonly outputFile: string | undefined;
}

export type Env = Readonly<Record<string, string | undefined>>;
