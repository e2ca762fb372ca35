/** A pull request, or merge request, as far as it matters here. */
export interface PullRequest {
  readonly number: number;
  /** For people. */
  readonly url: string;
  readonly state: "open" | "merged" | "closed";
  readonly title: string;
  readonly body: string;
  /** Who closed or merged it, where the forge says so. */
  readonly endedBy: string | undefined;
}

/** What a pull request says. */
export interface PullRequestText {
  readonly title: string;
  /** Markdown. */
  readonly body: string;
}

/** The pull requests of one repository. Every call throws ForgeError. */
export interface Forge {
  readonly kind: "github" | "gitlab" | "gitea";
  /** The newest from the branch `head` into `base`, whatever became of it; undefined where there never was one. */
  find(branches: Branches, signal: AbortSignal): Promise<PullRequest | undefined>;
  open(
    branches: Branches,
    text: PullRequestText & { readonly labels: readonly string[] },
    signal: AbortSignal,
  ): Promise<PullRequest>;
  /** Changes what an open one says. */
  update(number: number, text: PullRequestText, signal: AbortSignal): Promise<void>;
  /** Closes it, with a comment that says why. One that is closed already stays so. */
  close(number: number, comment: string, signal: AbortSignal): Promise<void>;
}

/** Two branches of one repository. */
export interface Branches {
  readonly head: string;
  readonly base: string;
}

export interface ForgeOptions {
  readonly kind: Forge["kind"];
  /** Address of its API, without a slash at its end: `https://api.github.com`. */
  readonly api: string;
  /** `owner/name`; on GitLab groups may lie in groups. */
  readonly repository: string;
  readonly token: string | undefined;
}
