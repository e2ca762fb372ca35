import { readFile, stat, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { messageOf } from "../lib/index.ts";
import type { Scan } from "../operation/index.ts";
import { command, withConnection, type Asked, type CommandContext } from "./command.ts";
import { parseUntil } from "./parse-until.ts";
import { placeOf } from "./place-of.ts";
import { createProgress } from "./progress.ts";
import { renderScan } from "./scan-table.ts";
import type { Screen } from "./screen.ts";
import { UsageError } from "./usage-error.ts";

const formats = ["table", "json", "sarif", "cyclonedx", "junit", "markdown"] as const;
type Format = (typeof formats)[number];

const defaultIgnoreFile = ".tidemillignore.yaml";
const maxDocument = 32 * 1_048_576;

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
    { flags: "--feed <place>", description: "a feed of advisories, a path or an address", repeats: true },
    { flags: "--platform <platform>", description: "only this platform of an index, as linux/arm64" },
    {
      flags: "--fail-on <rule>",
      description: "exit 3 on: a severity, kev, fixable, age=30d, …; commas join",
      repeats: true,
    },
    { flags: "--allow-unknown", description: "let pass what could not be told" },
    { flags: "--against <subject>", description: "what is new, and what is gone, since this one" },
    { flags: "--only-new", description: "with --against: rules count only what is new" },
    { flags: "--vex <file>", description: "an OpenVEX document", repeats: true },
    { flags: "--ignore <id>", description: "set a vulnerability aside; needs --reason", repeats: true },
    { flags: "--reason <text>", description: "why it is set aside" },
    { flags: "--until <when>", description: "until when: a date, or 30d" },
    { flags: "--ignore-file <file>", description: `what is set aside (./${defaultIgnoreFile})` },
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
  json: (output) => withoutDocument(output.scan),
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
  const platform = asked.text("platform");
  const against = asked.text("against");
  if (asked.flag("only-new") && against === undefined)
    throw new UsageError("BAD_USAGE", "--only-new needs --against", { hint: "Name what it is compared with." });
  const ignoreFile = await ignoreFileOf(asked);
  const documents = await Promise.all(asked.list("vex").map((path) => readDocument(path, "--vex")));
  const input = {
    subject: await placeOf(asked.argument("subject")),
    feeds: asked.list("feed").map(feedPlace),
    vex: documents,
    failOn: [...asked.list("fail-on")],
    allowUnknown: asked.flag("allow-unknown"),
    onlyNew: asked.flag("only-new"),
    ignore: ignoresOf(asked, context.person()),
    ...(ignoreFile === undefined ? {} : { ignoreFile }),
    ...(platform === undefined ? {} : { platform }),
    ...(against === undefined ? {} : { against: await placeOf(against) }),
    ...(format === "table" || format === "json" ? {} : { format }),
  };
  const progress = context.screen.live && !context.json ? createProgress(context.screen, false) : undefined;
  let found: Scan;
  try {
    found = await withConnection(context, ({ operations }) => operations.scan(input), {
      stateless: true,
      ...(progress === undefined ? {} : { onEvent: progress.onEvent }),
    });
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
  if (format === "json") return `${JSON.stringify(withoutDocument(found), undefined, 2)}\n`;
  return found.document ?? `${renderScan(found, plainScreen)}\n`;
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

function withoutDocument({ document: _document, ...rest }: Scan): Omit<Scan, "document"> {
  return rest;
}

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

function ignoresOf(asked: Asked, by: string): { id: string; reason: string; until?: string; by: string }[] {
  const ids = asked.list("ignore");
  const reason = asked.text("reason");
  const until = asked.text("until");
  if (ids.length > 0 && reason === undefined)
    throw new UsageError("BAD_USAGE", "--ignore needs --reason", {
      hint: "Say why it does not count: the report shows it.",
    });
  if (ids.length === 0 && (reason !== undefined || until !== undefined))
    throw new UsageError("BAD_USAGE", "--reason and --until belong to --ignore", {
      hint: "Name what is set aside by --ignore.",
    });
  const end = until === undefined ? {} : { until: parseUntil(until, Date.now()) };
  return ids.map((id) => ({ id, reason: reason ?? "", by, ...end }));
}

async function ignoreFileOf(asked: Asked): Promise<{ name: string; text: string } | undefined> {
  const named = asked.text("ignore-file");
  if (named !== undefined) return readDocument(named, "--ignore-file");
  const isThere = await stat(defaultIgnoreFile).then(
    (found) => found.isFile(),
    () => false,
  );
  return isThere ? readDocument(defaultIgnoreFile, "the ignore file") : undefined;
}

async function readDocument(path: string, what: string): Promise<{ name: string; text: string }> {
  try {
    if ((await stat(path)).size > maxDocument) throw new Error(`it is larger than ${maxDocument} bytes`);
    return { name: path, text: await readFile(path, "utf8") };
  } catch (error) {
    throw new UsageError("BAD_USAGE", `${what} ${path} cannot be read: ${messageOf(error)}`, {
      hint: "Check the path.",
      cause: error,
    });
  }
}

/** A feed's place: an address as it is, a path from the root; what stands before a `=` is kept. */
function feedPlace(text: string): string {
  const [, kind = "", place = text] = /^([a-z-]+=)?(.*)$/.exec(text) ?? [];
  return `${kind}${/^https?:\/\//.test(place) ? place : resolve(place)}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}
