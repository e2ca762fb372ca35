import { askGitea } from "../gitea.ts";
import { askGithub, repositoryPath } from "../github.ts";
import { askGitlab } from "../gitlab.ts";
import type { ForgeOptions } from "../types.ts";
import { putGithubCheck } from "./github-checks.ts";
import { createGitlabReports } from "./gitlab-reports.ts";
import { createIssueReports } from "./issue-reports.ts";
import { patiently } from "./patiently.ts";
import { putComment } from "./put-comment.ts";
import type { ForgeReports, ReportsApi } from "./types.ts";

const apis: Readonly<Record<ForgeOptions["kind"], (options: ForgeOptions) => ReportsApi>> = {
  github: (options) =>
    createIssueReports({
      ask: askGithub(options),
      repo: repositoryPath(options.repository),
      api: options.api,
      jobAccounts: ["github-actions[bot]"],
    }),
  gitlab: (options) => createGitlabReports(options, askGitlab(options)),
  gitea: (options) =>
    createIssueReports({
      ask: askGitea(options),
      repo: repositoryPath(options.repository),
      api: options.api,
      jobAccounts: ["gitea-actions", "forgejo-actions"],
    }),
};

/** Comments and statuses of one kind of forge, each asked once. */
export function createReportsApi(options: ForgeOptions): ReportsApi {
  return apis[options.kind](options);
}

/** What a pipeline says in a repository. What a forge is too busy for is tried again, for a minute and a half at most. */
export function createReports(options: ForgeOptions): ForgeReports {
  const api = createReportsApi(options);
  const put =
    options.kind === "github"
      ? putGithubCheck(askGithub(options), repositoryPath(options.repository), options.api)
      : undefined;
  return {
    putComment: (number, marker, body, signal) =>
      patiently((stop) => putComment(api, number, marker, body, stop), signal),
    setStatus: (sha, status, signal) => patiently((stop) => api.setStatus(sha, status, stop), signal),
    putCheck: put && ((sha, check, signal) => patiently((stop) => put(sha, check, stop), signal)),
  };
}
