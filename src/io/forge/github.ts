import { z } from "zod";
import { createAskForge, type AskForge } from "./ask-forge.ts";
import type { Forge, ForgeOptions, PullRequest } from "./types.ts";
import { webAddress } from "../../lib/index.ts";

const pull = z.looseObject({
  number: z.number().int(),
  html_url: z.string(),
  state: z.enum(["open", "closed"]),
  merged_at: z.string().nullish(),
  merged_by: z.looseObject({ login: z.string() }).nullish(),
  title: z.string(),
  body: z.string().nullish(),
});
const issue = z.looseObject({ closed_by: z.looseObject({ login: z.string() }).nullish() });

/** How GitHub's API is asked. GitHub REST API, version 2022-11-28: API versions, Authenticating. */
export function askGithub({ api, token }: ForgeOptions): AskForge {
  return createAskForge(api, {
    accept: "application/vnd.github+json",
    "x-github-api-version": "2022-11-28",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  });
}

/** Where the API of GitHub and of Gitea has the repository `owner/name`. */
export function repositoryPath(repository: string): string {
  return `/repos/${repository.split("/").map(encodeURIComponent).join("/")}`;
}

/** GitHub, and GitHub Enterprise Server. GitHub REST API, version 2022-11-28: Pulls, Issues. */
export function createGithub(options: ForgeOptions): Forge {
  const { api, repository } = options;
  const ask = askGithub(options);
  const repo = repositoryPath(repository);
  const [owner = ""] = repository.split("/");

  const viewOf = (found: z.output<typeof pull>, endedBy?: string): PullRequest => ({
    number: found.number,
    url: webAddress(found.html_url, api),
    state: found.state === "open" ? "open" : found.merged_at ? "merged" : "closed",
    title: found.title,
    body: found.body ?? "",
    endedBy: endedBy ?? found.merged_by?.login,
  });

  return {
    kind: "github",
    find: async ({ head, base }, signal) => {
      const query = new URLSearchParams({
        head: `${owner}:${head}`,
        base,
        state: "all",
        sort: "created",
        direction: "desc",
        per_page: "1",
      });
      const [found] = await ask({ path: `${repo}/pulls?${query.toString()}` }, z.array(pull), signal);
      if (found === undefined) return undefined;
      const isClosed = found.state === "closed" && !found.merged_at;
      // Only the issue says who closed it.
      const closer = isClosed ? await ask({ path: `${repo}/issues/${found.number}` }, issue, signal) : undefined;
      return viewOf(found, closer?.closed_by?.login);
    },
    open: async (branches, { title, body, labels }, signal) => {
      const made = await ask(
        { path: `${repo}/pulls`, method: "POST", body: { ...branches, title, body } },
        pull,
        signal,
      );
      if (labels.length > 0)
        await ask(
          { path: `${repo}/issues/${made.number}/labels`, method: "POST", body: { labels } },
          z.unknown(),
          signal,
        );
      return viewOf(made);
    },
    update: async (number, { title, body }, signal) => {
      await ask({ path: `${repo}/pulls/${number}`, method: "PATCH", body: { title, body } }, pull, signal);
    },
    close: async (number, comment, signal) => {
      await ask(
        { path: `${repo}/issues/${number}/comments`, method: "POST", body: { body: comment } },
        z.unknown(),
        signal,
      );
      await ask({ path: `${repo}/pulls/${number}`, method: "PATCH", body: { state: "closed" } }, pull, signal);
    },
  };
}
