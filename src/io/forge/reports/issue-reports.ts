import { z } from "zod";
import type { AskForge } from "../ask-forge.ts";
import { webAddress } from "../../../lib/index.ts";
import { orUnknown } from "./put-comment.ts";
import type { Comment, ReportsApi } from "./types.ts";

const user = z.looseObject({ login: z.string() });
const comment = z.looseObject({
  id: z.number().int(),
  body: z.string().nullish(),
  user: user.nullish(),
  html_url: z.string(),
});

/** Of statuses at GitHub. Commit statuses, 2022-11-28; Gitea takes more. */
const longestDescription = 140;

interface IssueReports {
  readonly ask: AskForge;
  /** Path of the repository in the API. */
  readonly repo: string;
  readonly api: string;
  readonly jobAccounts: readonly string[];
}

/** Comments and statuses as GitHub has them (REST API 2022-11-28: Issue comments, Commit statuses), and Gitea likewise (API 1: issue, repository). */
export function createIssueReports({ ask, repo, api, jobAccounts }: IssueReports): ReportsApi {
  const viewOf = ({ id, body, user: by, html_url }: z.output<typeof comment>): Comment => ({
    id,
    body: body ?? "",
    author: by?.login ?? "",
    url: webAddress(html_url, api),
  });
  return {
    jobAccounts,
    self: (signal) => orUnknown(ask({ path: "/user" }, user, signal).then(({ login }) => login)),
    list: async (number, page, signal) => {
      const path = `${repo}/issues/${number}/comments?per_page=100&page=${page}`;
      return (await ask({ path }, z.array(comment), signal)).map(viewOf);
    },
    create: async (number, body, signal) =>
      viewOf(await ask({ path: `${repo}/issues/${number}/comments`, method: "POST", body: { body } }, comment, signal)),
    update: async (_number, id, body, signal) =>
      viewOf(await ask({ path: `${repo}/issues/comments/${id}`, method: "PATCH", body: { body } }, comment, signal)),
    remove: async (_number, id, signal) => {
      await ask({ path: `${repo}/issues/comments/${id}`, method: "DELETE" }, z.unknown(), signal);
    },
    setStatus: async (sha, { state, context, description, url }, signal) => {
      const body = {
        state,
        context,
        description: description.slice(0, longestDescription),
        ...(url === undefined ? {} : { target_url: url }),
      };
      await ask({ path: `${repo}/statuses/${sha}`, method: "POST", body }, z.unknown(), signal);
    },
  };
}
