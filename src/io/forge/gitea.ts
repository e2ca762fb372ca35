import { z } from "zod";
import { createAskForge, type AskForge } from "./ask-forge.ts";
import { repositoryPath } from "./github.ts";
import type { Forge, ForgeOptions, PullRequest } from "./types.ts";
import { webAddress } from "../../lib/index.ts";

const branch = z.looseObject({ ref: z.string() });
const pull = z.looseObject({
  number: z.number().int(),
  html_url: z.string(),
  state: z.enum(["open", "closed"]),
  merged: z.boolean().nullish(),
  merged_by: z.looseObject({ login: z.string() }).nullish(),
  title: z.string(),
  body: z.string().nullish(),
  head: branch,
  base: branch,
});
const label = z.looseObject({ id: z.number().int(), name: z.string() });

const perPage = 50;
/** The list cannot be asked for one branch: so many of the newest are looked through. */
const mostPages = 10;

/** How Gitea's API is asked. */
export function askGitea({ api, token }: ForgeOptions): AskForge {
  return createAskForge(api, token === undefined ? {} : { authorization: `token ${token}` });
}

/** Gitea and Forgejo. Gitea API, version 1: repository, issue. */
export function createGitea(options: ForgeOptions): Forge {
  const { api, repository } = options;
  const ask = askGitea(options);
  const repo = repositoryPath(repository);

  const viewOf = (found: z.output<typeof pull>): PullRequest => ({
    number: found.number,
    url: webAddress(found.html_url, api),
    state: found.state === "open" ? "open" : found.merged === true ? "merged" : "closed",
    title: found.title,
    body: found.body ?? "",
    endedBy: found.merged_by?.login,
  });
  const findAmong = async (
    state: "open" | "closed",
    head: string,
    base: string,
    signal: AbortSignal,
  ): Promise<PullRequest | undefined> => {
    for (let page = 1; page <= mostPages; page += 1) {
      const query = new URLSearchParams({ state, sort: "newest", limit: `${perPage}`, page: `${page}` });
      const some = await ask({ path: `${repo}/pulls?${query.toString()}` }, z.array(pull), signal);
      const found = some.find((one) => one.head.ref === head && one.base.ref === base);
      if (found !== undefined) return viewOf(found);
      // Servers may give fewer a page than they are asked for.
      if (some.length === 0) return undefined;
    }
    return undefined;
  };
  const idsOf = async (names: readonly string[], signal: AbortSignal): Promise<number[]> => {
    if (names.length === 0) return [];
    const known = await ask({ path: `${repo}/labels?limit=${perPage}` }, z.array(label), signal);
    return known.filter(({ name }) => names.includes(name)).map(({ id }) => id);
  };

  return {
    kind: "gitea",
    find: async ({ head, base }, signal) =>
      (await findAmong("open", head, base, signal)) ?? findAmong("closed", head, base, signal),
    open: async (branches, { title, body, labels }, signal) => {
      const asked = { ...branches, title, body, labels: await idsOf(labels, signal) };
      return viewOf(await ask({ path: `${repo}/pulls`, method: "POST", body: asked }, pull, signal));
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
