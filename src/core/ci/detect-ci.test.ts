import { describe, expect, it } from "vitest";
import { detectCi, eventFileOf, quietLog, type CiPlace } from "./index.ts";

const sha = "a".repeat(40);
const head = "b".repeat(40);
const event = (from: string | null = "acme/shop") => ({
  pull_request: {
    number: 7,
    title: "@everyone",
    head: { sha: head, repo: from === null ? null : { full_name: from } },
    base: { repo: { full_name: "acme/shop" } },
  },
});

/** Variables as the documentation of each system writes them. */
const github = {
  CI: "true",
  GITHUB_ACTIONS: "true",
  GITHUB_API_URL: "https://api.github.com",
  GITHUB_SERVER_URL: "https://github.com",
  GITHUB_REPOSITORY: "acme/shop",
  GITHUB_RUN_ID: "12",
  GITHUB_SHA: sha,
  GITHUB_STEP_SUMMARY: "/home/runner/_temp/summary",
  GITHUB_OUTPUT: "/home/runner/_temp/output",
  GITHUB_EVENT_PATH: "/home/runner/_temp/event.json",
};
const gitlab = {
  CI: "true",
  GITLAB_CI: "true",
  CI_API_V4_URL: "https://gitlab.example/api/v4",
  CI_PROJECT_PATH: "acme/team/shop",
  CI_COMMIT_SHA: sha,
  CI_JOB_URL: "https://gitlab.example/acme/team/shop/-/jobs/5",
  CI_MERGE_REQUEST_IID: "7",
  CI_MERGE_REQUEST_PROJECT_PATH: "acme/team/shop",
  CI_MERGE_REQUEST_SOURCE_PROJECT_PATH: "acme/team/shop",
};
const jenkins = {
  JENKINS_URL: "https://ci.example/",
  BUILD_URL: "https://ci.example/job/shop/5/",
  GIT_URL: "git@git.example:acme/shop.git",
  GIT_COMMIT: sha,
  CHANGE_ID: "7",
  CHANGE_URL: "https://git.example/acme/shop/pulls/7",
};
const azure = {
  TF_BUILD: "True",
  BUILD_REPOSITORY_PROVIDER: "GitHub",
  BUILD_REPOSITORY_URI: "https://github.com/acme/shop",
  BUILD_SOURCEVERSION: sha,
  BUILD_BUILDID: "5",
  SYSTEM_COLLECTIONURI: "https://dev.azure.com/acme/",
  SYSTEM_TEAMPROJECT: "the shop",
  SYSTEM_PULLREQUEST_PULLREQUESTNUMBER: "7",
  SYSTEM_PULLREQUEST_SOURCECOMMITID: head,
  SYSTEM_PULLREQUEST_ISFORK: "False",
};
const circle = {
  CI: "true",
  CIRCLECI: "true",
  CIRCLE_PULL_REQUEST: "https://github.com/acme/shop/pull/7",
  CIRCLE_REPOSITORY_URL: "git@github.com:acme/shop.git",
  CIRCLE_SHA1: sha,
  CIRCLE_BUILD_URL: "https://circleci.com/gh/acme/shop/5",
};
const gitea = {
  ...github,
  GITEA_ACTIONS: "true",
  GITHUB_API_URL: "https://git.example/api/v1",
  GITHUB_SERVER_URL: "https://git.example",
};

const onGithub = { kind: "github", api: "https://api.github.com", repository: "acme/shop" } as const;
const onGitea = { kind: "gitea", api: "https://git.example/api/v1", repository: "acme/shop" } as const;
const onGitlab = { kind: "gitlab", api: "https://gitlab.example/api/v4", repository: "acme/team/shop" } as const;

type Expected = Partial<CiPlace>;

describe("detectCi", () => {
  it.each<[string, Record<string, string>, unknown, Expected]>([
    ["a push at GitHub", github, {}, { system: "github-actions", pull: undefined, commit: { ...onGithub, sha } }],
    [
      "a pull request at GitHub",
      github,
      event(),
      {
        pull: { ...onGithub, number: 7 },
        commit: { ...onGithub, sha: head },
        isFork: false,
        runUrl: "https://github.com/acme/shop/actions/runs/12",
        summaryFile: github.GITHUB_STEP_SUMMARY,
        outputFile: github.GITHUB_OUTPUT,
      },
    ],
    ["one of a fork", github, event("mallory/shop"), { isFork: true, pull: { ...onGithub, number: 7 } }],
    ["one of a fork that is gone", github, event(null), { isFork: true }],
    ["Gitea", gitea, event(), { system: "gitea-actions", pull: { ...onGitea, number: 7 } }],
    [
      "Forgejo, whose runner names the server",
      { ...gitea, GITEA_ACTIONS: "", FORGEJO_ACTIONS: "true", GITHUB_API_URL: "https://git.example/" },
      event(),
      { system: "gitea-actions", pull: { ...onGitea, number: 7 } },
    ],
    [
      "GitLab",
      gitlab,
      undefined,
      {
        system: "gitlab",
        pull: { ...onGitlab, number: 7 },
        commit: { ...onGitlab, sha },
        isFork: false,
        runUrl: gitlab.CI_JOB_URL,
      },
    ],
    [
      "merged results of a fork at GitLab",
      {
        ...gitlab,
        CI_PROJECT_PATH: "mallory/shop",
        CI_MERGE_REQUEST_SOURCE_PROJECT_PATH: "mallory/shop",
        CI_MERGE_REQUEST_SOURCE_BRANCH_SHA: head,
      },
      undefined,
      {
        isFork: true,
        pull: { ...onGitlab, number: 7 },
        commit: { ...onGitlab, repository: "mallory/shop", sha: head },
      },
    ],
    [
      "Jenkins with Gitea",
      jenkins,
      undefined,
      { system: "jenkins", pull: { ...onGitea, number: 7 }, commit: { ...onGitea, sha }, runUrl: jenkins.BUILD_URL },
    ],
    [
      "Jenkins with GitLab",
      { ...jenkins, CHANGE_URL: "https://gitlab.example/acme/team/shop/-/merge_requests/7" },
      undefined,
      { pull: { ...onGitlab, number: 7 } },
    ],
    [
      "Jenkins on a branch of a forge that nobody knows",
      { ...jenkins, CHANGE_URL: "" },
      undefined,
      { pull: undefined, commit: undefined },
    ],
    [
      "Azure Pipelines",
      azure,
      undefined,
      {
        system: "azure-pipelines",
        pull: { ...onGithub, number: 7 },
        commit: { ...onGithub, sha: head },
        isFork: false,
        runUrl: "https://dev.azure.com/acme/the%20shop/_build/results?buildId=5",
      },
    ],
    [
      "Azure's own repositories",
      { ...azure, BUILD_REPOSITORY_PROVIDER: "TfsGit" },
      undefined,
      { pull: undefined, commit: undefined },
    ],
    [
      "CircleCI",
      { ...circle, CIRCLE_PR_NUMBER: "7" },
      undefined,
      { system: "circleci", pull: { ...onGithub, number: 7 }, commit: { ...onGithub, sha }, isFork: true },
    ],
    ["any other place", { CI: "true" }, undefined, { system: "generic", pull: undefined, commit: undefined }],
  ])("%s", (_, env, given, expected) => expect(detectCi(env, given)).toMatchObject(expected));

  it.each<[string, Record<string, string>]>([
    ["plain HTTP to elsewhere", { GITHUB_API_URL: "http://api.example" }],
    ["an address with a password", { GITHUB_API_URL: "https://ada:secret@api.example" }],
    ["no address", { GITHUB_API_URL: "file:///etc/passwd" }],
    ["a path for a repository", { GITHUB_REPOSITORY: "../../user" }],
    ["a way out of the repositories", { GITHUB_REPOSITORY: "acme/.." }],
    ["a repository with a query", { GITHUB_REPOSITORY: "acme/shop?x=1" }],
  ])("sends no token where %s is named", (_, more) => {
    const found = detectCi({ ...github, ...more }, event());
    expect([found.pull, found.commit]).toEqual([undefined, undefined]);
  });

  it("takes an event that is not as it should be for none", () => {
    for (const bad of [
      null,
      [],
      "x",
      { pull_request: { number: "7" } },
      { pull_request: { ...event().pull_request, number: -1 } },
    ])
      expect(detectCi(github, bad)).toMatchObject({ pull: undefined, commit: { sha } });
    const odd = { pull_request: { ...event().pull_request, head: { sha: "../../x", repo: null } } };
    expect(detectCi(github, odd).commit).toBeUndefined();
  });

  it("looks for an event where there is one", () => {
    expect(eventFileOf(github)).toBe(github.GITHUB_EVENT_PATH);
    expect(eventFileOf({ ...gitlab, GITHUB_EVENT_PATH: "/etc/passwd" })).toBeUndefined();
  });
});

describe("quietLog", () => {
  it.each([
    "::set-output name=a::b",
    "  ::add-mask::x",
    "text ##[add-mask]x",
    "##vso[task.setvariable variable=a]b",
    "a ##VSO[task.complete]b",
    "##teamcity[buildStatus text='x']",
  ])("makes no order of %j", (text) => {
    const shown = quietLog(`first\n${text}\nlast`);
    expect(shown).not.toMatch(/^\s*::/m);
    expect(shown).not.toMatch(/##(?:\[|vso|teamcity)/i);
    expect(shown).toMatch(/\\u\{(?:23|3a)\}/);
  });

  it("leaves all else as it is", () => {
    const text = "## heading\na::b #1 std::move";
    expect(quietLog(text)).toBe(text);
  });
});
