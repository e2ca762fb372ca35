import { printable, shortDigest, systemClock } from "../lib/index.ts";
import { vexJustification, vexStatus, type BaseWordView, type VexStatementView } from "../operation/index.ts";
import { command, withConnection, type Asked } from "./command.ts";
import { parseUntil } from "./parse-until.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { UsageError } from "./usage-error.ts";
import { plural, showTime } from "./wording.ts";

interface Output {
  readonly did: "added" | "listed" | "removed";
  readonly statements: readonly VexStatementView[];
  /** Only where what is said is listed. */
  readonly bases?: readonly BaseWordView[];
}

export const vex = command<Output>({
  usage: "vex <action> [id]",
  summary: "Say of a vulnerability whether it matters (add ID), see what is said (list), take it back (remove ID)",
  options: [
    {
      flags: "--package <name>",
      description: "only in this package: its name, its source's, or a purl (every package)",
    },
    { flags: "--image <name>", description: "only in this image of the fleet (every image)" },
    { flags: "--status <status>", description: vexStatus.options.join(", ") },
    { flags: "--justification <label>", description: `of not_affected: ${vexJustification.options.join(", ")}` },
    { flags: "-r, --reason <text>", description: "why, in words: kept in the record, shown wherever it counts" },
    { flags: "--author <name>", description: "in whose name (yours)" },
    { flags: "-u, --until <when>", description: "a length of time (30d) or a date; without it for good" },
  ],
  examples: [
    [
      "tidemill vex add CVE-2026-1234 --package openssl --image web --status not_affected --justification vulnerable_code_not_in_execute_path --reason 'no TLS server' --until 90d",
      "it is set aside in that image, and counts again after 90 days",
    ],
    ["tidemill vex list", "what is said of what, by whom, until when"],
    ["tidemill vex remove CVE-2026-1234 --reason 'we serve TLS now'", "it counts again"],
  ],
  run: (context, asked) => {
    const action = asked.argument("action");
    const id = asked.optional("id");
    const image = asked.text("image");
    const where = image === undefined ? {} : { image };
    return withConnection(context, async ({ operations }): Promise<Output> => {
      if (action === "list") return { did: "listed", ...(await operations.vexList(where)) };
      if (action !== "add" && action !== "remove")
        throw new UsageError("BAD_USAGE", `vex ${action}: there is no such action`, {
          hint: "Known are add, list, remove.",
        });
      if (id === undefined) throw new UsageError("BAD_USAGE", `vex ${action} needs the id of a vulnerability`);
      const reason = asked.text("reason");
      if (reason === undefined)
        throw new UsageError("BAD_USAGE", `vex ${action} needs --reason`, { hint: "Say why: the record keeps it." });
      const by = context.person();
      if (action === "remove") {
        const { removed } = await operations.vexRemove({ statement: id, ...where, by, reason });
        return { did: "removed", statements: removed };
      }
      const { statement } = await operations.vexAdd({ vulnerability: id, ...where, ...statementOf(asked), by, reason });
      return { did: "added", statements: [statement] };
    });
  },
  json: ({ did, statements, bases }) => ({ [did]: statements, ...(bases === undefined ? {} : { bases }) }),
  print: ({ did, statements, bases = [] }, screen) => {
    const title = did === "listed" ? [] : [did === "added" ? "Said:" : "Taken back:"];
    const own =
      statements.length === 0 ? ["Nothing is said of any vulnerability here."] : [tableOf(statements, screen)];
    return [...title, ...own, ...bases.flatMap(describeBase)].join("\n");
  },
});

function describeBase({ base, digest, statements, authors, asked, problems }: BaseWordView): string[] {
  // A base that says nothing of which nothing is wrong is no news.
  if (statements === 0 && problems.length === 0) return [];
  const by = authors.length === 0 ? "" : `, by ${authors.map(printable).join(", ")}`;
  const said = `${plural(statements, "statement")} of ${base} (${shortDigest(digest)})${by}; asked ${showTime(asked)}`;
  return ["", said, ...problems.map((problem) => `  ${printable(problem)}`)];
}

function statementOf(asked: Asked) {
  const status = vexStatus.safeParse(asked.text("status"));
  if (!status.success)
    throw new UsageError("BAD_USAGE", "vex add needs --status", { hint: `One of ${vexStatus.options.join(", ")}.` });
  const label = asked.text("justification");
  const justification = label === undefined ? undefined : vexJustification.safeParse(label);
  if (justification?.success === false)
    throw new UsageError("BAD_USAGE", `--justification ${label ?? ""}: there is no such label`, {
      hint: `One of ${vexJustification.options.join(", ")}.`,
    });
  const name = asked.text("package");
  const author = asked.text("author");
  const until = asked.text("until");
  return {
    status: status.data,
    ...(justification === undefined ? {} : { justification: justification.data }),
    ...(name === undefined ? {} : { package: name }),
    ...(author === undefined ? {} : { author }),
    ...(until === undefined ? {} : { until: parseUntil(until, systemClock.now()) }),
  };
}

function tableOf(statements: readonly VexStatementView[], screen: Screen): string {
  const columns = [
    { title: "ID" },
    { title: "VULNERABILITY" },
    { title: "PACKAGE", flexible: true },
    { title: "IMAGE", flexible: true },
    { title: "STATUS" },
    { title: "BY", flexible: true },
    { title: "UNTIL" },
    { title: "WHY", flexible: true },
  ];
  return renderTable(
    columns,
    statements.map((one) => [
      one.id.slice(0, 8),
      one.vulnerability,
      one.package ?? "every",
      one.image ?? "every",
      one.status.replaceAll("_", " "),
      printable(one.author),
      one.expired
        ? { text: "expired", paint: screen.yellow }
        : one.until === null
          ? "–"
          : showTime(one.until).slice(0, 10),
      one.justification === null ? one.reason : `${one.justification}: ${one.reason}`,
    ]),
    screen,
  );
}
