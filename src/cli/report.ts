import { writeFile } from "node:fs/promises";
import { frameworks, type Framework } from "../core/exposure/index.ts";
import { formatSeconds, printable } from "../lib/index.ts";
import type { ReportDocument } from "../operation/index.ts";
import { absolutePath } from "./absolute-path.ts";
import { command, withConnection } from "./command.ts";
import { UsageError } from "./usage-error.ts";

interface Output {
  readonly document: ReportDocument;
  readonly files: readonly string[];
}

export const report = command<Output>({
  usage: "report",
  summary: "The exposure of a period: one HTML file and the same as JSON, signed where a key is configured",
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
      if (context.json) return { document: made.document, files: [] };
      const { signed } = made;
      const files: [string, string][] = [
        [`${base}.html`, made.html],
        [`${base}.json`, made.json],
        ...(signed === null
          ? []
          : [
              [`${base}.html.sig`, signed.html] as [string, string],
              [`${base}.json.sig`, signed.json] as [string, string],
            ]),
      ];
      for (const [path, content] of files) await writeFile(path, content);
      return { document: made.document, files: files.map(([path]) => path) };
    });
  },
  json: ({ document }) => document,
  print: ({ document, files }, screen) => {
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
      ...(files.some((file) => file.endsWith(".sig"))
        ? []
        : [screen.dim("not signed: the configuration has no key for evidence")]),
    ].join("\n");
  },
});

function isFramework(name: string): name is Framework {
  return (frameworks as readonly string[]).includes(name);
}
