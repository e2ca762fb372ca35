import { askGitea } from "../gitea.ts";
import { askGithub, repositoryPath } from "../github.ts";
import { askGitlab, projectPath } from "../gitlab.ts";
import { createReportsApi } from "../reports/create-reports.ts";
import type { ForgeOptions } from "../types.ts";
import { githubDeployments, sayOnce } from "./github-news.ts";
import { gitlabDeployments } from "./gitlab-news.ts";
import type { ForgeNews } from "./types.ts";

/** Every kind of forge. What is refused for a while is not waited for: whoever asks has other work. */
const kinds: Readonly<Record<ForgeOptions["kind"], (options: ForgeOptions) => ForgeNews>> = {
  github: (options) => {
    const ask = askGithub(options);
    const repo = repositoryPath(options.repository);
    return {
      sayStatus: sayOnce(ask, repo, createReportsApi(options)),
      sayDeployment: githubDeployments(ask, repo),
    };
  },
  gitlab: (options) => ({
    // GitLab itself refuses a word that stands there already.
    sayStatus: (sha, status, signal) => createReportsApi(options).setStatus(sha, status, signal),
    sayDeployment: gitlabDeployments(askGitlab(options), projectPath(options.repository)),
  }),
  gitea: (options) => ({
    sayStatus: sayOnce(askGitea(options), repositoryPath(options.repository), createReportsApi(options)),
    sayDeployment: undefined,
  }),
};

/** What becomes of the commits of a repository, said at its forge. */
export function createNews(options: ForgeOptions): ForgeNews {
  return kinds[options.kind](options);
}
