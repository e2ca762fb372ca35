import type { Instant } from "../../lib/index.ts";
import type { Message, Notice, Told } from "./types.ts";

/** What of a digest of many is told one by one; how many more there are is said. */
const mostShown = 20;

const esc = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const moreOf = ({ notices }: Message): string | undefined =>
  notices.length > mostShown ? `… and ${notices.length - mostShown} more: \`tidemill history\` lists them.` : undefined;
const headOf = ({ notices }: Message): string =>
  notices.length === 1
    ? notices[0].title
    : `Tidemill: ${notices.length} things since ${formatAt(Math.min(...notices.map(({ at }) => at)))}`;

function formatAt(at: Instant): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Slack's own limits: a text of a block, and blocks of a message. */
const slack = { text: 3000, header: 150 } as const;

/** Incoming webhook of Slack, in Block Kit. `&`, `<` and `>` are all that is special in mrkdwn's mentions and links; texts of others stand in plain text, where stars and ticks are none. */
export function slackMessage(message: Message): object {
  const plain = (text: string, most: number): object => ({
    type: "plain_text",
    text: text.slice(0, most),
    emoji: false,
  });
  const blocksOf = (notice: Notice): object[] => [
    { type: "section", text: plain([notice.title, notice.text].filter((one) => one !== "").join("\n"), slack.text) },
    ...(notice.answer === undefined
      ? []
      : [{ type: "context", elements: [plain(`Answer: ${notice.answer}`, slack.text)] }]),
  ];
  const more = moreOf(message);
  const blocks = [
    { type: "header", text: plain(headOf(message), slack.header) },
    ...message.notices.slice(0, mostShown).flatMap(blocksOf),
    ...(more === undefined ? [] : [{ type: "context", elements: [plain(more, slack.text)] }]),
    ...linkOf(message).map((url) => ({
      type: "section",
      text: { type: "mrkdwn", text: `<${encodeURI(url)}|Tidemill>` },
    })),
  ];
  // Shown where blocks are not: in a notification of the system.
  return { text: esc(headOf(message)).slice(0, slack.text), blocks, unfurl_links: false, unfurl_media: false };
}

/** Webhook of a Teams workflow: an Adaptive Card 1.5. Texts stand in text runs, which know no Markdown. */
export function teamsMessage(message: Message): object {
  const run = (text: string, more: object = {}): object => ({
    type: "RichTextBlock",
    inlines: [{ type: "TextRun", text, ...more }],
  });
  const bodyOf = (notice: Notice): object[] => [
    run(notice.title, { weight: "Bolder" }),
    ...(notice.text === "" ? [] : [run(notice.text)]),
    ...notice.facts.map(([name, value]) => run(`${name}: ${value}`, { isSubtle: true })),
    ...(notice.answer === undefined ? [] : [run(notice.answer, { fontType: "Monospace" })]),
  ];
  const more = moreOf(message);
  const content = {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.5",
    body: [
      ...(message.notices.length === 1 ? [] : [run(headOf(message), { weight: "Bolder", size: "Large" })]),
      ...message.notices.slice(0, mostShown).flatMap(bodyOf),
      ...(more === undefined ? [] : [run(more)]),
    ],
    actions: linkOf(message).map((url) => ({ type: "Action.OpenUrl", title: "Tidemill", url })),
  };
  return { type: "message", attachments: [{ contentType: "application/vnd.microsoft.card.adaptive", content }] };
}

export interface Mail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** A mail in plain text and in HTML without anything that is fetched. */
export function mailOf(message: Message): Mail {
  const more = moreOf(message);
  const linesOf = (notice: Notice): string[] => [
    notice.title,
    ...(notice.text === "" ? [] : [notice.text]),
    ...notice.facts.map(([name, value]) => `  ${name}: ${value}`),
    ...(notice.answer === undefined ? [] : [`  answer: ${notice.answer}`]),
    `  ${formatAt(notice.at)}`,
    "",
  ];
  const htmlOf = (notice: Notice): string =>
    `<h3>${attr(notice.title)}</h3><p>${attr(notice.text).replaceAll("\n", "<br>")}</p><table>${notice.facts.map(([name, value]) => `<tr><th align="left">${attr(name)}</th><td>${attr(value)}</td></tr>`).join("")}</table>${notice.answer === undefined ? "" : `<pre>${attr(notice.answer)}</pre>`}`;
  const some = message.notices.slice(0, mostShown);
  const link = linkOf(message);
  return {
    subject: `[tidemill] ${headOf(message)}`.slice(0, 200),
    text: [...some.flatMap(linesOf), ...(more === undefined ? [] : [more]), ...link].join("\n"),
    html: `${some.map(htmlOf).join("")}${more === undefined ? "" : `<p>${attr(more)}</p>`}${link.map((url) => `<p><a href="${attr(url)}">Tidemill</a></p>`).join("")}`,
  };
}

/** CloudEvents 1.0.2, JSON format. */
export function cloudEvent({ id, event, body, createdAt }: Told, source: string): Readonly<Record<string, unknown>> {
  const subject = [body["image"], body["environment"]].filter((one) => typeof one === "string").join("/");
  return {
    specversion: "1.0",
    id,
    source,
    type: `dev.tidemill.${event}`,
    time: new Date(createdAt).toISOString(),
    ...(subject === "" ? {} : { subject }),
    datacontenttype: "application/json",
    data: body,
  };
}

/** Attributes of an event as headers: CloudEvents, HTTP Protocol Binding 1.0.2, 3.1.3: what is no printable ASCII, a quote or a percent sign is percent-encoded. */
export function cloudEventHeaders(event: Readonly<Record<string, unknown>>): Record<string, string> {
  const { data: _, datacontenttype, ...attributes } = event;
  const encode = (value: string): string => value.replaceAll(/[^!#$&-~]/gu, (letter) => encodeURIComponent(letter));
  return {
    "content-type": String(datacontenttype),
    ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, encode(String(value))])),
  };
}

const attr = (text: string): string => esc(text).replaceAll('"', "&quot;").replaceAll("'", "&#39;");

function linkOf({ notices }: Message): string[] {
  const [{ link }] = notices;
  return link === undefined ? [] : [link];
}
