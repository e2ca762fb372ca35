import { slackMessage, teamsMessage, type Message } from "../../core/notice/index.ts";
import { postJson } from "./post-json.ts";
import type { Channel, Means } from "./types.ts";

/** Notifications of one message for people. */
export const mostTogether = 200;

const posting =
  (format: (message: Message) => object) =>
  ({ url }: { readonly url: string }, means: Means): Channel => ({
    atOnce: mostTogether,
    send: ({ message }, signal) => postJson(url, {}, JSON.stringify(format(message)), means, signal),
  });

/** An incoming webhook of Slack. */
export const openSlack = posting(slackMessage);

/** The webhook of a workflow in Teams ("When a Teams webhook request is received"). */
export const openTeams = posting(teamsMessage);
