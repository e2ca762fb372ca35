import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { messageOf } from "../lib/index.ts";
import type { OperationRequest, Scan } from "../operation/index.ts";
import type { Asked, CommandContext, CommandOption } from "./command.ts";
import { parseUntil } from "./parse-until.ts";
import { placeOf } from "./place-of.ts";
import { UsageError } from "./usage-error.ts";

const defaultIgnoreFile = ".tidemillignore.yaml";
const maxDocument = 32 * 1_048_576;

/** What every command that scans understands. */
export const scanOptions: readonly CommandOption[] = [
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
];

/** What a scan of `subject` is asked for by those options, its files read. Throws BAD_USAGE. */
export async function scanInputOf(
  context: CommandContext,
  asked: Asked,
  subject: string,
): Promise<Omit<OperationRequest<"scan">, "formats">> {
  const platform = asked.text("platform");
  const against = asked.text("against");
  const ignoreFile = await ignoreFileOf(asked);
  return {
    subject: await placeOf(subject),
    feeds: asked.list("feed").map(feedPlace),
    vex: await Promise.all(asked.list("vex").map((path) => readDocument(path, "--vex"))),
    failOn: [...asked.list("fail-on")],
    allowUnknown: asked.flag("allow-unknown"),
    onlyNew: asked.flag("only-new"),
    ignore: ignoresOf(asked, context.person()),
    ...(ignoreFile === undefined ? {} : { ignoreFile }),
    ...(platform === undefined ? {} : { platform }),
    ...(against === undefined ? {} : { against: await placeOf(against) }),
  };
}

/** The shape that `--json` prints: documents go where they were asked to. */
export function withoutDocuments({ documents: _documents, ...rest }: Scan): Omit<Scan, "documents"> {
  return rest;
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
