import { z } from "zod";
import { createAskForge, type AskForge } from "./ask-forge.ts";
import type { Forge, ForgeOptions, PullRequest } from "./types.ts";
import { webAddress } from "../../lib/index.ts";

const user = z.looseObject({ username: z.string() }).nullish();
const merge = z.looseObject({
  iid: z.number().int(),
  web_url: z.string(),
  state: z.enum(["opened", "closed", "locked", "merged"]),
  title: z.string(),
  description: z.string().nullish(),
  merge_user: user,
  merged_by: user,
  closed_by: user,
});

/** How GitLab's API is asked. */
export function askGitlab({ api, token }: ForgeOptions): AskForge {
  return createAskForge(api, token === undefined ? {} : { "private-token": token });
}

/** Where the API has the project of a path. */
export function projectPath(repository: string): string {
  return `/projects/${encodeURIComponent(repository)}`;
}

/** GitLab, its own and others'. GitLab REST API, version 4: Merge requests, Notes. */
export function createGitlab(options: ForgeOptions): Forge {
  const { api, repository } = options;
  const ask = askGitlab(options);
  const requests = `${projectPath(repository)}/merge_requests`;

  const viewOf = (found: z.output<typeof merge>): PullRequest => ({
    number: found.iid,
    url: webAddress(found.web_url, api),
    // One that is locked is being merged.
    state: found.state === "merged" || found.state === "closed" ? found.state : "open",
    title: found.title,
    body: found.description ?? "",
    endedBy: (found.merge_user ?? found.merged_by ?? found.closed_by)?.username,
  });

  return {
    kind: "gitlab",
    find: async ({ head, base }, signal) => {
      const query = new URLSearchParams({
        source_branch: head,
        target_branch: base,
        state: "all",
        scope: "all",
        order_by: "created_at",
        sort: "desc",
        per_page: "1",
      });
      const [found] = await ask({ path: `${requests}?${query.toString()}` }, z.array(merge), signal);
      return found && viewOf(found);
    },
    open: async ({ head, base }, { title, body, labels }, signal) => {
      const asked = {
        source_branch: head,
        target_branch: base,
        title,
        description: body,
        remove_source_branch: true,
        ...(labels.length === 0 ? {} : { labels: labels.join(",") }),
      };
      return viewOf(await ask({ path: requests, method: "POST", body: asked }, merge, signal));
    },
    update: async (number, { title, body }, signal) => {
      await ask({ path: `${requests}/${number}`, method: "PUT", body: { title, description: body } }, merge, signal);
    },
    close: async (number, comment, signal) => {
      await ask({ path: `${requests}/${number}/notes`, method: "POST", body: { body: comment } }, z.unknown(), signal);
      await ask({ path: `${requests}/${number}`, method: "PUT", body: { state_event: "close" } }, merge, signal);
    },
  };
}
