import { writeFile } from "node:fs/promises";
import type { Scan } from "../operation/index.ts";
import { command, withConnection, type Asked, type CommandContext } from "./command.ts";
import { createProgress } from "./progress.ts";
import { scanInputOf, scanOptions, withoutDocuments } from "./scan-input.ts";
import { renderScan } from "./scan-table.ts";
import type { Screen } from "./screen.ts";
import { UsageError } from "./usage-error.ts";

const formats = ["table", "json", "sarif", "cyclonedx", "junit", "markdown"] as const;
type Format = (typeof formats)[number];

interface Output {
  readonly scan: Scan;
  readonly format: Format;
  /** The file that the document went to; undefined where it goes to standard output. */
  readonly file: string | undefined;
}

export const scan = command<Output>({
  usage: "scan <subject>",
  summary:
    "What is wrong with what an image, an OCI layout, a docker archive, a root directory, a source tree or an SBOM holds, and what cures it; needs no configuration",
  options: [
    ...scanOptions,
    { flags: "--format <format>", description: formats.join(", ") },
    { flags: "--output <file>", description: "write the format there, and the table to the screen" },
  ],
  examples: [
    ["tidemill scan registry.example/team/app:1.4 --feed ./osv", "an image in a registry, by a local feed"],
    [
      "tidemill scan app.tar --fail-on critical --fail-on high,fixable --fail-on kev",
      "a gate: each rule alone refuses it",
    ],
    ["tidemill scan . --against registry.example/team/app:1.4", "what a source tree would bring"],
    ["tidemill scan app.tar --format sarif --output scan.sarif", "for code scanning"],
  ],
  run: runScan,
  print: printScan,
  json: (output) => withoutDocuments(output.scan),
  outcome: ({ scan: { verdict } }) => (verdict.kind === "failed" ? "refused" : "ok"),
  after: ({ scan: { verdict }, format, file }, { screen, json }) => {
    // A document on standard output does not say for people why the status is what it is.
    const isBare = json || (format !== "table" && file === undefined);
    if (isBare) for (const reason of verdict.reasons) screen.err(`${screen.red("REFUSED")} ${oneLine(reason)}\n`);
    return Promise.resolve();
  },
});

async function runScan(context: CommandContext, asked: Asked): Promise<Output> {
  const format = formatOf(asked, context.json);
  const file = asked.text("output");
  if (asked.flag("only-new") && asked.text("against") === undefined)
    throw new UsageError("BAD_USAGE", "--only-new needs --against", { hint: "Name what it is compared with." });
  const input = await scanInputOf(context, asked, asked.argument("subject"));
  const progress = context.screen.live && !context.json ? createProgress(context.screen, false) : undefined;
  let found: Scan;
  try {
    found = await withConnection(
      context,
      ({ operations }) =>
        operations.scan({ ...input, formats: format === "table" || format === "json" ? [] : [format] }),
      {
        stateless: true,
        ...(progress === undefined ? {} : { onEvent: progress.onEvent }),
      },
    );
  } finally {
    progress?.close();
  }
  const output: Output = { scan: found, format, file };
  if (file !== undefined) await writeFile(file, documentOf(output));
  return output;
}

function printScan({ scan: found, format, file }: Output, screen: Screen): string {
  if (format === "table" || file !== undefined) return renderScan(found, screen);
  return documentOf({ scan: found, format, file }).trimEnd();
}

function documentOf({ scan: found, format }: Output): string {
  if (format === "json") return `${JSON.stringify(withoutDocuments(found), undefined, 2)}\n`;
  const written = format === "table" ? null : found.documents[format];
  return written ?? `${renderScan(found, plainScreen)}\n`;
}

const plain = (text: string): string => text;
const nothing = (): void => undefined;
/** A file has no colours and no width. */
const plainScreen: Screen = {
  width: undefined,
  live: false,
  out: nothing,
  err: nothing,
  bold: plain,
  dim: plain,
  red: plain,
  green: plain,
  yellow: plain,
};

function formatOf(asked: Asked, json: boolean): Format {
  const text = asked.text("format") ?? (json ? "json" : "table");
  const format = formats.find((one) => one === text);
  if (format === undefined)
    throw new UsageError("BAD_USAGE", `--format ${text}: there is no such format`, {
      hint: `Known are ${formats.join(", ")}.`,
    });
  if (json && format !== "json")
    throw new UsageError("BAD_USAGE", `--json and --format ${format} are two formats`, { hint: "Leave one out." });
  return format;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}
