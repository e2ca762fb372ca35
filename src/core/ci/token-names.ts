import type { ForgeKind } from "../config/index.ts";

const own = ["TIDEMILL_FORGE_TOKEN"] as const;

/** The variables that may hold a token of a forge, the first that is set counts. GitLab's token of the job (CI_JOB_TOKEN) may neither comment nor set a status. */
export const tokenNames: Readonly<Record<ForgeKind, readonly string[]>> = {
  github: [...own, "GITHUB_TOKEN", "GH_TOKEN"],
  gitlab: [...own, "GITLAB_TOKEN"],
  gitea: [...own, "GITEA_TOKEN", "FORGEJO_TOKEN", "GITHUB_TOKEN"],
};
