import { printable } from "../../lib/index.ts";
import { fillTemplate, type Template } from "./fill-template.ts";
import type { Notice, Told } from "./types.ts";

const longest = { title: 200, text: 2000, value: 500 } as const;

/** What each event is called: the image and the environment come before and behind. */
const verbs: Readonly<Record<string, string>> = {
  promoted: "was promoted",
  "rolled-back": "was taken back",
  "rebuild-failed": "could not be rebuilt",
  held: "is held",
  resumed: "goes on",
  "question-asked": "waits for a person",
  "question-closed": "waits for nobody any more",
  conflict: "has a tag that somebody else moved",
  "alarm-raised": "raised an alarm",
  deployed: "runs",
  "deploy-failed": "could not be deployed",
  test: "sends a test",
};

/** What is told of, for people: a title, what is known, and what to type. `link` is the page of the server, where it has a public address. */
export function describeNotice(
  told: Told,
  { link, template }: { readonly link?: string | undefined; readonly template?: Template | undefined } = {},
): Notice {
  const { id, event, body, createdAt, repeats } = told;
  const of = (key: string): string | undefined => {
    const value = body[key];
    if (typeof value === "string" && value !== "") return shown(value, longest.value);
    return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
  };
  const [image, environment, code, subject] = ["image", "environment", "code", "subject"].map(of);
  const who = image ?? (event === "alarm-raised" ? subject : undefined) ?? "Tidemill";
  const where = environment === undefined ? "" : ` in ${environment}`;
  const again = repeats === 0 ? "" : ` (${repeats + 1} times)`;
  const title = `${who} ${verbs[event] ?? event}${code === undefined ? "" : ` (${code})`}${where}${again}`;
  const text = [of("message"), of("reason"), of("why"), of("hint")].filter((one) => one !== undefined);
  const facts = (
    ["image", "environment", "digest", "from", "previous", "advisory", "held", "by", "since"] as const
  ).flatMap((key) => {
    const value = of(key);
    return value === undefined ? [] : [[key, value] as const];
  });
  const values = {
    event,
    image,
    environment,
    code,
    subject,
    title,
    digest: of("digest"),
    message: text.join(" "),
    answer: of("answer"),
  };
  return {
    id,
    event,
    at: createdAt,
    urgent: isUrgent(told),
    title: shown(template?.title === undefined ? title : fillTemplate(template.title, values), longest.title),
    text:
      template?.text === undefined
        ? [...new Set(text)].join("\n").slice(0, longest.text)
        : fillTemplate(template.text, values).slice(0, longest.text),
    facts,
    answer: of("answer"),
    link,
  };
}

/** Whether it is for now, whatever the hour: something was taken back or stands in the way, or it says so itself. */
export function isUrgent({ event, body }: Pick<Told, "event" | "body">): boolean {
  if (body["urgent"] === true || body["lane"] === "urgent") return true;
  if (event === "alarm-raised") return body["severity"] === "error";
  return event === "rolled-back" || event === "deploy-failed" || event === "conflict";
}

/** On one line, with nothing in it that steers a terminal or begins another header. */
function shown(text: string, most: number): string {
  const line = printable(text.replaceAll(/[\r\n]+/g, " "));
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}
