export { createForge } from "./create-forge.ts";
export { createReports } from "./reports/create-reports.ts";
export { createNews } from "./news/create-news.ts";
export type { DeploymentNews, ForgeNews } from "./news/types.ts";
export { createGithubRuns } from "./runs/github-runs.ts";
export { createGitlabRuns } from "./runs/gitlab-runs.ts";
export { ForgeError } from "./error.ts";
export type { CommitStatus, ForgeReports, PutComment } from "./reports/types.ts";
export type { Branches, Forge, ForgeOptions, PullRequest, PullRequestText } from "./types.ts";
