import { z } from "zod";
import { forgeOfPage, forgePlace, kindOfHost, pullOfPage } from "./forge-places.ts";
import type { CiPlace, CiSystem, Env, ForgePlace } from "./types.ts";

/** What of the event of GitHub's and Gitea's actions matters. Webhook events and payloads: pull_request. */
const eventShape = z.looseObject({
  pull_request: z
    .looseObject({
      number: z.number().int().positive(),
      head: z.looseObject({
        sha: z.string(),
        repo: z.looseObject({ full_name: z.string() }).nullish(),
      }),
      base: z.looseObject({ repo: z.looseObject({ full_name: z.string() }) }),
    })
    .optional(),
});

interface System {
  readonly name: CiSystem;
  readonly is: (env: Env) => boolean;
  readonly read: (env: Env, event: unknown) => Omit<CiPlace, "system">;
}

/** Every system that is known, the more special before those that they imitate. Another one is: an entry here, a line in the table of its test. */
const systems: readonly System[] = [
  {
    name: "gitea-actions",
    is: (env) => isTrue(env["GITEA_ACTIONS"]) || isTrue(env["FORGEJO_ACTIONS"]),
    read: (env, event) =>
      readActions(forgePlace("gitea", giteaApi(env["GITHUB_API_URL"]), env["GITHUB_REPOSITORY"]), env, event),
  },
  {
    name: "github-actions",
    is: (env) => isTrue(env["GITHUB_ACTIONS"]),
    read: (env, event) =>
      readActions(forgePlace("github", env["GITHUB_API_URL"], env["GITHUB_REPOSITORY"]), env, event),
  },
  { name: "gitlab", is: (env) => isTrue(env["GITLAB_CI"]), read: readGitlab },
  { name: "azure-pipelines", is: (env) => isTrue(env["TF_BUILD"]), read: readAzure },
  {
    name: "circleci",
    is: (env) => isTrue(env["CIRCLECI"]),
    read: (env) =>
      readByPage({
        page: env["CIRCLE_PULL_REQUEST"],
        git: env["CIRCLE_REPOSITORY_URL"],
        sha: env["CIRCLE_SHA1"],
        isFork: isSet(env["CIRCLE_PR_NUMBER"]),
        run: env["CIRCLE_BUILD_URL"],
      }),
  },
  {
    name: "jenkins",
    is: (env) => isSet(env["JENKINS_URL"]),
    read: (env) =>
      readByPage({
        page: env["CHANGE_URL"],
        git: env["GIT_URL"],
        sha: env["GIT_COMMIT"],
        isFork: isSet(env["CHANGE_FORK"]),
        run: env["BUILD_URL"],
      }),
  },
];

const nowhere = {
  pull: undefined,
  commit: undefined,
  isFork: false,
  runUrl: undefined,
  summaryFile: undefined,
  outputFile: undefined,
} as const;

/** Which file has the event of a job, where the system writes one. */
export function eventFileOf(env: Env): string | undefined {
  return isTrue(env["GITHUB_ACTIONS"]) || isTrue(env["GITEA_ACTIONS"]) ? textOf(env["GITHUB_EVENT_PATH"]) : undefined;
}

/**
 * Where a job runs, by the variables that the systems document: GitHub Actions and Gitea's, GitLab, Azure Pipelines, CircleCI, Jenkins; `generic` is every other place. `event` is what `eventFileOf` holds. What is not
 * written as it should be is as if it were not there.
 */
export function detectCi(env: Env, event: unknown): CiPlace {
  const found = systems.find(({ is }) => is(env));
  return found === undefined ? { system: "generic", ...nowhere } : { system: found.name, ...found.read(env, event) };
}

/** GitHub Actions, Variables: default environment variables. Gitea and Forgejo set the same. */
function readActions(place: ForgePlace | undefined, env: Env, event: unknown): Omit<CiPlace, "system"> {
  const pull = eventShape.safeParse(event).data?.pull_request;
  const run = `${env["GITHUB_SERVER_URL"]}/${env["GITHUB_REPOSITORY"]}/actions/runs/${env["GITHUB_RUN_ID"]}`;
  return {
    pull: pull && place && { ...place, number: pull.number },
    commit: commitOf(place, pull?.head.sha ?? env["GITHUB_SHA"]),
    isFork: pull !== undefined && pull.head.repo?.full_name !== pull.base.repo.full_name,
    runUrl: pageOf(run),
    summaryFile: textOf(env["GITHUB_STEP_SUMMARY"]),
    outputFile: textOf(env["GITHUB_OUTPUT"]),
  };
}

/** GitLab, Predefined CI/CD variables. The merge request lies in the project that it goes to, the commit in the one that the pipeline runs in. */
function readGitlab(env: Env): Omit<CiPlace, "system"> {
  const api = env["CI_API_V4_URL"];
  const number = numberOf(env["CI_MERGE_REQUEST_IID"]);
  const target = forgePlace("gitlab", api, env["CI_MERGE_REQUEST_PROJECT_PATH"] ?? env["CI_PROJECT_PATH"]);
  // Empty where the commit is the head of the branch itself.
  const sha = textOf(env["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"]) ?? env["CI_COMMIT_SHA"];
  return {
    ...nowhere,
    pull: number === undefined ? undefined : target && { ...target, number },
    commit: commitOf(forgePlace("gitlab", api, env["CI_PROJECT_PATH"]), sha),
    isFork:
      number !== undefined && env["CI_MERGE_REQUEST_SOURCE_PROJECT_PATH"] !== env["CI_MERGE_REQUEST_PROJECT_PATH"],
    runUrl: pageOf(env["CI_JOB_URL"]),
  };
}

/** Azure Pipelines, Predefined variables; of repositories at GitHub. */
function readAzure(env: Env): Omit<CiPlace, "system"> {
  const isGithub = /^GitHub(?:Enterprise)?$/.test(env["BUILD_REPOSITORY_PROVIDER"] ?? "");
  const place = isGithub ? forgeOfPage("github", env["BUILD_REPOSITORY_URI"] ?? "") : undefined;
  const number = numberOf(env["SYSTEM_PULLREQUEST_PULLREQUESTNUMBER"]);
  const run = `${env["SYSTEM_COLLECTIONURI"]}${encodeURIComponent(env["SYSTEM_TEAMPROJECT"] ?? "")}/_build/results?buildId=${env["BUILD_BUILDID"]}`;
  return {
    ...nowhere,
    pull: number === undefined ? undefined : place && { ...place, number },
    commit: commitOf(place, env["SYSTEM_PULLREQUEST_SOURCECOMMITID"] ?? env["BUILD_SOURCEVERSION"]),
    isFork: isTrue(env["SYSTEM_PULLREQUEST_ISFORK"]),
    runUrl: pageOf(run),
  };
}

interface Named {
  /** The page of the pull request. */
  readonly page: string | undefined;
  /** What Git calls the repository. */
  readonly git: string | undefined;
  readonly sha: string | undefined;
  readonly isFork: boolean;
  readonly run: string | undefined;
}

/** Where only pages are named, the forge is known by how its pages are written, or by its host. */
export function readByPage({ page, git = "", sha, isFork, run }: Named): Omit<CiPlace, "system"> {
  const pull = page === undefined ? undefined : pullOfPage(page);
  const kind = kindOfHost(git);
  const place = pull ?? (kind === undefined ? undefined : forgeOfPage(kind, git));
  return {
    ...nowhere,
    pull,
    commit: commitOf(place, sha),
    isFork: pull !== undefined && isFork,
    runUrl: pageOf(run),
  };
}

function commitOf(place: ForgePlace | undefined, sha: string | undefined): CiPlace["commit"] {
  if (place === undefined || !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(sha ?? "")) return undefined;
  const { kind, api, repository } = place;
  return { kind, api, repository, sha: sha ?? "" };
}

/** Runners of Gitea name the server where GitHub's name the API. */
function giteaApi(api: string | undefined): string | undefined {
  return api === undefined || /\/api\/v1\/?$/.test(api) ? api : `${api.replace(/\/+$/, "")}/api/v1`;
}

function pageOf(text: string | undefined): string | undefined {
  if (text === undefined || text.length > 2000 || !/^https?:\/\/[^\s"<>`]+$/.test(text)) return undefined;
  return URL.canParse(text) ? new URL(text).href : undefined;
}

function numberOf(text: string | undefined): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text ?? "") ? Number(text) : undefined;
}

function textOf(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

function isSet(text: string | undefined): boolean {
  return textOf(text) !== undefined;
}

function isTrue(text: string | undefined): boolean {
  return text?.toLowerCase() === "true" || text === "1";
}
