import { writeFile } from "node:fs/promises";
import { frameworks, type Framework } from "../core/exposure/index.ts";
import { formatSeconds, printable } from "../lib/index.ts";
import type { Report, ReportDocument } from "../operation/index.ts";
import { absolutePath } from "./absolute-path.ts";
import { command, withConnection } from "./command.ts";
import { UsageError } from "./usage-error.ts";

interface Output {
  readonly document: ReportDocument;
  readonly files: readonly string[];
  /** What a reader runs to verify each file. */
  readonly commands: readonly string[];
}

export const report = command<Output>({
  usage: "report",
  summary:
    "The exposure of a period: one HTML file and the same as JSON, signed where the configuration has `evidence:`",
  options: [
    { flags: "--period <span>", description: "90d, 2026, 2026-Q3, 2026-10 or 2026-10-01..2026-10-31, in UTC (90d)" },
    { flags: "--label <key[=value]>", description: "a part for each value of a label; or one value alone" },
    { flags: "--framework <name>", description: `whose deadlines: ${frameworks.join(", ")} (the configured ones)` },
    { flags: "-e, --environment <name>", description: "the last one without it" },
    { flags: "--output <path>", description: "where the files are written, without their ending (./tidemill-report)" },
  ],
  examples: [
    ["tidemill report --period 2026-Q3 --label team", "for a review: each team beside the fleet"],
    ["tidemill report --framework fedramp --output q3", "q3.html, q3.json, and their signatures"],
    [
      "cosign verify-blob --key mill.pub --signature q3.html.sig --insecure-ignore-tlog=true q3.html",
      "what a reader runs, for a key; the output names the command for an identity's bundle",
    ],
    ["tidemill report --json", "the data alone; no file is written"],
  ],
  run: (context, asked) => {
    const framework = asked.text("framework");
    if (framework !== undefined && !isFramework(framework))
      throw new UsageError("BAD_USAGE", `--framework ${framework}: there is none`, {
        hint: `Known are ${frameworks.join(", ")}.`,
      });
    const [period, label, environment] = [asked.text("period"), asked.text("label"), asked.text("environment")];
    const base = absolutePath((asked.text("output") ?? "tidemill-report").replace(/\.(?:html|json)$/, ""));
    return withConnection(context, async ({ operations }): Promise<Output> => {
      const made = await operations.report({
        ...(period === undefined ? {} : { period }),
        ...(label === undefined ? {} : { label }),
        ...(environment === undefined ? {} : { environment }),
        ...(framework === undefined ? {} : { framework }),
      });
      if (context.json) return { document: made.document, files: [], commands: [] };
      const { document, signed } = made;
      const names: string[] = [];
      for (const kind of ["html", "json"] as const) {
        const path = `${base}.${kind}`;
        await writeFile(path, made[kind]);
        names.push(path);
        if (signed === null) continue;
        await writeFile(`${path}${signatureEnding[signed.by]}`, signed[kind]);
        names.push(`${path}${signatureEnding[signed.by]}`);
      }
      const commands = signed === null ? [] : ["html", "json"].map((kind) => cosignCommand(signed, `${base}.${kind}`));
      return { document, files: names, commands };
    });
  },
  json: ({ document }) => document,
  print: ({ document, files, commands }, screen) => {
    const { fleet, period, doubts } = document;
    const span = (seconds: number | null): string => (seconds === null ? "unknown" : formatSeconds(seconds));
    const fix = fleet.fixToProduction;
    const share =
      fleet.percentWithin === null
        ? "no deadline fell due"
        : `${fleet.percentWithin} % within ${document.framework}'s deadlines`;
    return [
      ...doubts.map((doubt) => screen.yellow(`not everything is known: ${printable(doubt)}`)),
      `${period.from} to ${period.through}, ${printable(document.environment)}: fix to production ${span(fix.medianSeconds)} (95th percentile ${span(fix.p95Seconds)}), ${share}, ${doubts.length === 0 ? "" : "at least "}${fleet.open} open`,
      ...files.map((file) => `wrote ${printable(file)}`),
      ...(commands.length === 0
        ? [screen.dim("not signed: the configuration has no `evidence:`")]
        : ["to verify:", ...commands.map((command) => `  ${printable(command)}`)]),
    ].join("\n");
  },
});

const signatureEnding = { key: ".sig", identity: ".sigstore.json" } as const;

/** The command by which cosign verifies a file. The key and the trusted root are the reader's own copies. */
function cosignCommand(signed: NonNullable<Report["signed"]>, path: string): string {
  const beside = `${path}${signatureEnding[signed.by]}`;
  const words =
    signed.by === "key"
      ? ["--key", "KEY.pub", "--signature", beside, "--insecure-ignore-tlog=true"]
      : [
          ..."--new-bundle-format --use-signed-timestamps --insecure-ignore-sct".split(" "),
          "--bundle",
          beside,
          "--trusted-root",
          "trusted_root.json",
          ...nameOption("--certificate-oidc-issuer", signed.issuer),
          ...nameOption("--certificate-identity", signed.subject),
        ];
  return ["cosign", "verify-blob", ...words, path].map(quote).join(" ");
}

/** Cosign's patterns may match a part of a name, ours match the whole. */
function nameOption(option: string, rule: string | { readonly pattern: string }): string[] {
  return typeof rule === "string" ? [option, rule] : [`${option}-regexp`, `^(?:${rule.pattern})$`];
}

/** A word as a shell reads it. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function isFramework(name: string): name is Framework {
  return (frameworks as readonly string[]).includes(name);
}
