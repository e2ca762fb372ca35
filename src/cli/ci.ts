import { stat } from "node:fs/promises";
import { quietLog, type CiPlace } from "../core/ci/index.ts";
import { AppError, maskSecrets, printable } from "../lib/index.ts";
import type { Connection, Diff, Operations, Scan } from "../operation/index.ts";
import { ciLine, formatCiMarkdown, type CiFacts } from "./ci-markdown.ts";
import { readCiPlace, secretsOf } from "./ci-place.ts";
import { putComment, sayOfCommit, writeFiles, type Deed } from "./ci-say.ts";
import { findProduction, withoutVersion, type Production } from "./ci-production.ts";
import { command, withConnection, type Asked, type CommandContext } from "./command.ts";
import { placeOf } from "./place-of.ts";
import { scanInputOf, scanOptions, withoutDocuments } from "./scan-input.ts";
import { renderScan } from "./scan-table.ts";
import type { Screen } from "./screen.ts";

interface Output {
  readonly system: CiPlace["system"];
  readonly line: string;
  readonly scan: Scan;
  readonly production: Production | undefined;
  readonly diff: Diff | undefined;
  readonly notes: readonly string[];
  readonly deeds: readonly Deed[];
  /** With `--dry-run`: the comment. */
  readonly markdown: string | undefined;
}

export const ci = command<Output>({
  usage: "ci [subject]",
  summary:
    "In a job of a pipeline: scan what was built (else the source tree of this folder), compare it with what runs in production, say so in the pull request, and decide",
  options: [
    ...scanOptions,
    { flags: "--image <name>", description: "which image of the fleet it is (the one with its repository)" },
    { flags: "-e, --environment <name>", description: "with what it is compared (the last environment)" },
    { flags: "--sarif <file>", description: "write the findings for code scanning" },
    { flags: "--junit <file>", description: "write the findings as a test report" },
    { flags: "--no-comment", description: "leave the pull request alone" },
    { flags: "--no-status", description: "set no status of the commit" },
    {
      flags: "--check-run",
      description: "a check run with all of it in place of the status (GitHub, token of an app or a job)",
    },
    { flags: "--pull-request <address>", description: "its page, where the system does not tell" },
    { flags: "--commit <digits>", description: "whose status is set, where the system does not tell" },
    { flags: "--dry-run", description: "write nothing and tell nobody: print what would be said" },
  ],
  examples: [
    ["tidemill ci registry.example/team/app:$GITHUB_SHA --fail-on critical,fixable", "after the build of an image"],
    ["tidemill ci app.tar --feed osv.zip --sarif scan.sarif --junit scan.xml", "an archive that was never pushed"],
    ["tidemill ci registry.example/team/app:1 --image app --only-new --fail-on high", "no worse than production"],
    ["tidemill ci --dry-run", "the source tree, and what would be said"],
  ],
  run: runCi,
  print: printCi,
  json: ({ scan, ...rest }) => ({ ...rest, scan: withoutDocuments(scan) }),
  outcome: ({ scan: { verdict } }) => (verdict.kind === "failed" ? "refused" : "ok"),
});

async function runCi(context: CommandContext, asked: Asked): Promise<Output> {
  const { env } = process;
  const place = await readCiPlace(env, asked);
  const subject = asked.optional("subject") ?? "dir:.";
  const { scan, production, against, notes } = await scanWithProduction(context, asked, subject);
  const key = production?.image ?? withoutVersion(asked.optional("subject") ?? "source");
  const compared = await compareImages(context, asked, scan, against);
  const facts: CiFacts = {
    key,
    scan,
    against: production?.reference === undefined ? against : `${production.image} in ${production.environment}`,
    diff: compared.diff,
    notes: [...notes, ...compared.notes],
    runUrl: place.runUrl,
  };
  const secrets = secretsOf(env);
  const markdown = maskSecrets(formatCiMarkdown(facts), secrets);
  const saying = { context, asked, place, facts, markdown, secrets };
  const deeds = [...(await writeFiles(saying)), await putComment(saying), ...(await sayOfCommit(saying))];
  return {
    system: place.system,
    line: maskSecrets(ciLine(facts), secrets),
    scan,
    production,
    diff: facts.diff,
    notes: facts.notes,
    deeds,
    markdown: asked.flag("dry-run") ? markdown : undefined,
  };
}

interface Scanned {
  readonly scan: Scan;
  readonly production: Production | undefined;
  /** What it was compared with. */
  readonly against: string | undefined;
  readonly notes: readonly string[];
}

interface Found {
  readonly production: Production | undefined;
  readonly notes: string[];
  /** Where the server scanned. */
  readonly scanned?: Scanned;
}

/** Scans here, or at the server where that alone has the feeds: an image in a registry for which no feed is named. */
async function scanWithProduction(context: CommandContext, asked: Asked, subject: string): Promise<Scanned> {
  const input = await scanInputOf(context, asked, subject);
  const ask = async (operations: Operations, production?: Production, notes: string[] = []): Promise<Scanned> => {
    const against = input.against ?? production?.reference;
    const isNew = asked.flag("only-new") && against === undefined;
    const scan = await operations.scan({
      ...input,
      // With nothing to compare with everything is new.
      onlyNew: asked.flag("only-new") && !isNew,
      ...(against === undefined ? {} : { against }),
      formats: ["markdown", "sarif", "junit"],
    });
    return {
      scan,
      production,
      against,
      notes: isNew ? [...notes, "there is nothing to compare with: all is new"] : notes,
    };
  };
  const isImage = input.subject === subject && !/^(?:dir|sbom|oci|docker-archive):/.test(subject);
  const scanHere = (production?: Production, notes?: string[]) =>
    withConnection(context, ({ operations }) => ask(operations, production, notes), { stateless: true });
  if (!(await meansFleet(context, asked))) return scanHere();
  const found = await withConnection(context, async (connection: Connection): Promise<Found> => {
    const { operations, served } = connection;
    const production = await findProduction(operations, {
      subject,
      image: asked.text("image"),
      environment: asked.text("environment"),
    });
    const notes =
      production === undefined
        ? ["the fleet has no image of this repository: --image names one"]
        : production.reference === undefined
          ? [`nothing of ${production.image} runs in ${production.environment} yet`]
          : [];
    if (!served || !isImage || input.feeds.length > 0) return { production, notes };
    try {
      return { production, notes, scanned: await ask(operations, production, notes) };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "ROLE_MISSING") throw error;
      return { production, notes: [...notes, "the server scans for operators only: this was scanned here"] };
    }
  });
  return found.scanned ?? scanHere(found.production, found.notes);
}

/** Whether there is somebody to ask what runs: a server that is named, or a state. A configuration alone has none, and a job must not make one. */
async function meansFleet({ options }: CommandContext, asked: Asked): Promise<boolean> {
  const isNamed =
    options.server ?? options.data ?? asked.text("image") ?? (process.env["TIDEMILL_SERVER"] || undefined);
  if (isNamed !== undefined) return true;
  return stat(".tidemill").then(
    () => true,
    () => false,
  );
}

/** What differs beside findings, of two images. That there is nothing to be said of it is said. */
async function compareImages(
  context: CommandContext,
  asked: Asked,
  { subject, kind }: Scan,
  against: string | undefined,
): Promise<{ readonly diff: Diff | undefined; readonly notes: readonly string[] }> {
  const isImage = kind === "image" || kind === "layout" || kind === "archive";
  if (against === undefined || !isImage) return { diff: undefined, notes: [] };
  const platform = asked.text("platform");
  try {
    const question = {
      a: await placeOf(against),
      b: subject,
      files: false,
      ...(platform === undefined ? {} : { platform }),
    };
    const diff = await withConnection(context, ({ operations }) => operations.diff(question), { stateless: true });
    return { diff, notes: [] };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { diff: undefined, notes: [`packages could not be compared: ${error.message}`] };
  }
}

function printCi(output: Output, screen: Screen): string {
  const { system, line, scan, deeds, notes, markdown } = output;
  const paint = { done: screen.green, skipped: screen.dim, failed: screen.yellow, would: screen.bold };
  const lines = [
    renderScan(scan, screen),
    "",
    `${screen.bold(system)}: ${printable(line)}`,
    ...notes.map((note) => `${screen.yellow("!")} ${printable(note)}`),
    ...deeds.map(
      ({ what, state, detail }) => `${what.padEnd(8)} ${paint[state](state.padEnd(7))} ${printable(detail)}`,
    ),
    ...(markdown === undefined ? [] : ["", markdown.trimEnd()]),
  ];
  return quietLog(maskSecrets(lines.join("\n"), secretsOf(process.env)));
}
