import { formatSeconds, printable, shortDigest } from "../lib/index.ts";
import type { ExposureList, ExposureView } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import type { Screen } from "./screen.ts";
import { renderTable, type Cell } from "./table.ts";
import { UsageError } from "./usage-error.ts";
import { plural } from "./wording.ts";

export const exposure = command<ExposureList>({
  usage: "exposure [image]",
  summary: "What environments are exposed to: since when, how far the cure is, and until when it has to be there",
  options: [
    { flags: "-e, --environment <name>", description: "only there" },
    { flags: "--advisory <id>", description: "only this one, by any of its ids" },
    { flags: "--days <n>", description: "also what ended within so many days (only what is open)" },
  ],
  examples: [
    ["tidemill exposure", "what is open, the longest first"],
    ["tidemill exposure --advisory CVE-2026-1234 --days 90", "which images had it, from when until when"],
    ["tidemill exposure web -e production --json", "every milestone with its source"],
  ],
  run: (context, asked) => {
    const days = asked.text("days") ?? "0";
    if (!/^\d{1,3}$/.test(days) || Number(days) > 400)
      throw new UsageError("BAD_USAGE", `--days ${days}: not a number of days up to 400`);
    const image = asked.optional("image");
    const environment = asked.text("environment");
    const advisory = asked.text("advisory");
    return withConnection(context, ({ operations }) =>
      operations.exposure({
        days: Number(days),
        ...(image === undefined ? {} : { image }),
        ...(environment === undefined ? {} : { environment }),
        ...(advisory === undefined ? {} : { advisory }),
      }),
    );
  },
  print: (output, screen) => {
    const doubts = output.doubts.map((doubt) => screen.yellow(`not everything is known: ${printable(doubt)}`));
    const rows = output.exposures.map((one) => row(one, screen));
    const columns = [
      { title: "ADVISORY" },
      { title: "IMAGE", flexible: true },
      { title: "ENVIRONMENT" },
      { title: "SEVERITY" },
      { title: "FOR", align: "right" as const },
      { title: "CURE" },
      { title: "DEADLINE" },
    ];
    const body = rows.length === 0 ? "Nothing that is known is open." : renderTable(columns, rows, screen);
    return [...doubts, body, screen.dim(plural(output.exposures.length, "exposure"))].join("\n");
  },
});

function row(one: ExposureView, screen: Screen): Cell[] {
  const [deadline] = [...one.deadlines].sort((a, b) => (a.at < b.at ? -1 : 1));
  const missed = one.deadlines.find(({ verdict }) => verdict === "missed");
  const shown = missed ?? deadline;
  const severity = `${one.severity}${one.exploitedSince === null ? "" : ", exploited"}`;
  return [
    one.life === 1 ? one.advisory : `${one.advisory} (again)`,
    one.image,
    one.environment,
    one.severity === "critical" || one.exploitedSince !== null ? { text: severity, paint: screen.red } : severity,
    one.exposedSeconds === null ? "?" : formatSeconds(one.exposedSeconds),
    cure(one),
    shown === undefined
      ? ""
      : {
          text: `${shown.at.slice(0, 10)} ${shown.framework}${missed === undefined ? "" : ", missed"}`,
          paint: missed === undefined ? screen.dim : screen.red,
        },
  ];
}

/** How far it is, by the last milestone that is known. */
function cure(one: ExposureView): string {
  if (one.end !== null) return one.end;
  const reached = ["promoted", "verified", "built"].find((name) =>
    one.milestones.some((milestone) => milestone.name === name && milestone.at !== null),
  );
  if (reached !== undefined) return `${reached} ${one.digest === null ? "" : shortDigest(one.digest)}`;
  const isFixed = one.milestones.some(({ name, at }) => name === "fix-available" && at !== null);
  return isFixed ? "fix available" : "no fix known";
}
