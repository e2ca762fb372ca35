import { formatSeconds } from "../lib/index.ts";
import type { History } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { showDigest, showTime } from "./wording.ts";
import { UsageError } from "./usage-error.ts";

export const history = command<History>({
  usage: "history [image]",
  summary: "What was done, newest first",
  options: [
    { flags: "-e, --environment <name>", description: "only what happened there" },
    { flags: "-n, --limit <rows>", description: "how many rows, 1 to 1000 (default 50)" },
    { flags: "--before <row>", description: "go on after the last row of the page before" },
  ],
  examples: [
    ["tidemill history", "the last fifty things that were done"],
    ["tidemill history web --environment production", "what production ran, and when"],
  ],
  run: async (context, asked) => {
    const image = asked.optional("image");
    const environment = asked.text("environment");
    const before = asked.text("before");
    const limit = parseLimit(asked.text("limit"));
    return withConnection(context, ({ operations }) =>
      operations.history({
        ...(image === undefined ? {} : { image }),
        ...(environment === undefined ? {} : { environment }),
        ...(before === undefined ? {} : { before }),
        ...(limit === undefined ? {} : { limit }),
      }),
    );
  },
  print: printHistory,
});

function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit;
  throw new UsageError("BAD_USAGE", `--limit ${text}: a whole number from 1 to 1000 is needed`);
}

function printHistory(history: History, screen: Screen): string {
  if (history.events.length === 0) return "Nothing has been done yet.";
  const paint = (kind: string) =>
    ["failed", "rolled-back", "quarantined", "conflict", "rejected", "deploy-failed"].includes(kind)
      ? screen.red
      : kind === "promoted" || kind === "deployed"
        ? screen.green
        : screen.dim;
  const rows = history.events.map((event) => [
    showTime(event.at),
    event.image ?? "every image",
    { text: event.kind, paint: paint(event.kind) },
    event.environment ?? "",
    showDigest(event.from),
    showDigest(event.to),
    event.seconds === null ? "" : formatSeconds(event.seconds),
    event.by,
    event.reason,
  ]);
  const columns = [
    { title: "AT" },
    { title: "IMAGE", flexible: true },
    { title: "WHAT" },
    { title: "WHERE" },
    { title: "FROM" },
    { title: "TO" },
    { title: "TOOK", align: "right" as const },
    { title: "BY" },
    { title: "REASON", flexible: true },
  ];
  const more = history.next === null ? "" : `\n${screen.dim(`older: tidemill history --before ${history.next}`)}`;
  return renderTable(columns, rows, screen) + more;
}
