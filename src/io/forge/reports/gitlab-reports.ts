import { z } from "zod";
import type { AskForge } from "../ask-forge.ts";
import { ForgeError } from "../error.ts";
import { projectPath } from "../gitlab.ts";
import type { ForgeOptions } from "../types.ts";
import { webAddress } from "../../../lib/index.ts";
import { orUnknown } from "./put-comment.ts";
import type { Comment, ReportsApi } from "./types.ts";

const user = z.looseObject({ username: z.string() });
const note = z.looseObject({ id: z.number().int(), body: z.string().nullish(), author: user.nullish() });

const longestDescription = 255;
const states = { pending: "pending", success: "success", failure: "failed" } as const;

/** GitLab REST API, version 4: Notes of merge requests, Commits (set the pipeline status). */
export function createGitlabReports({ api, repository }: ForgeOptions, ask: AskForge): ReportsApi {
  const project = projectPath(repository);
  const notes = (number: number): string => `${project}/merge_requests/${number}/notes`;
  const page = `${api.replace(/\/api\/v4$/, "")}/${repository}/-/merge_requests`;
  const viewOf = (number: number, { id, body, author }: z.output<typeof note>): Comment => ({
    id,
    body: body ?? "",
    author: author?.username ?? "",
    url: webAddress(`${page}/${number}#note_${id}`, api),
  });
  return {
    // A token of a job may write no notes: whoever may, may ask who it is.
    jobAccounts: [],
    self: (signal) => orUnknown(ask({ path: "/user" }, user, signal).then(({ username }) => username)),
    list: async (number, at, signal) => {
      const path = `${notes(number)}?order_by=created_at&sort=asc&per_page=100&page=${at}`;
      return (await ask({ path }, z.array(note), signal)).map((one) => viewOf(number, one));
    },
    create: async (number, body, signal) =>
      viewOf(number, await ask({ path: notes(number), method: "POST", body: { body } }, note, signal)),
    update: async (number, id, body, signal) =>
      viewOf(number, await ask({ path: `${notes(number)}/${id}`, method: "PUT", body: { body } }, note, signal)),
    remove: async (number, id, signal) => {
      await ask({ path: `${notes(number)}/${id}`, method: "DELETE" }, z.unknown(), signal);
    },
    setStatus: async (sha, { state, context, description, url }, signal) => {
      const body = {
        state: states[state],
        name: context,
        description: description.slice(0, longestDescription),
        ...(url === undefined ? {} : { target_url: url }),
      };
      try {
        await ask({ path: `${project}/statuses/${sha}`, method: "POST", body }, z.unknown(), signal);
      } catch (error) {
        // What says the same already is refused as a step that leads nowhere.
        const isSaid = error instanceof ForgeError && /Cannot transition status/i.test(error.message);
        if (!isSaid) throw error;
      }
    },
  };
}
