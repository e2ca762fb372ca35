import { formatSeconds, printable } from "../lib/index.ts";
import type { Run } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { createProgress } from "./progress.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { plural, section, showDigest } from "./wording.ts";

export const run = command<Run>({
  usage: "run [images...]",
  summary: "One pass of the loop: watch, plan, and carry it out until nothing is left to do now",
  examples: [
    ["tidemill run", "from cron or CI; exit status 1 where something failed or an alarm stands"],
    ["tidemill run web api --json", "only these images and what they are built on"],
  ],
  run: async (context, asked) => {
    const images = asked.list("images");
    const progress = createProgress(context.screen, context.json);
    try {
      return await withConnection(
        context,
        ({ operations }) => operations.run(images.length === 0 ? {} : { images: [...images] }),
        { onEvent: progress.onEvent },
      );
    } finally {
      progress.close();
    }
  },
  print: printRun,
  outcome: (output) => (output.failed > 0 || output.alarms.length > 0 ? "failed" : "ok"),
});

function printRun(run: Run, screen: Screen): string {
  const paint = (state: string) => (state === "failed" ? screen.red : state === "promoted" ? screen.green : screen.dim);
  const rows = run.rebuilds.map((rebuild) => [
    rebuild.image,
    { text: rebuild.state, paint: paint(rebuild.state) },
    showDigest(rebuild.from),
    showDigest(rebuild.to),
    rebuild.seconds === null ? "" : formatSeconds(rebuild.seconds),
    rebuild.failure === null ? rebuild.reason : `${rebuild.failure.code}: ${rebuild.failure.message}`,
  ]);
  const columns = [
    { title: "IMAGE", flexible: true },
    { title: "STATE" },
    { title: "FROM" },
    { title: "TO" },
    { title: "TOOK", align: "right" as const },
    { title: "", flexible: true },
  ];
  const alarms = run.alarms.map((alarm) => {
    const hint = alarm.hint === null ? "" : `\n    ${screen.dim(printable(alarm.hint))}`;
    return `  ${screen.red("!")} ${printable(alarm.subject)}: ${printable(alarm.message)}${hint}`;
  });
  const counts = [
    `${run.built} built`,
    `${run.rebuilt} rebuilt`,
    `${run.unchanged} unchanged`,
    `${run.held} held`,
    run.failed > 0 ? screen.red(`${run.failed} failed`) : "0 failed",
    `${run.rolledBack} rolled back`,
  ];
  return [
    `${screen.bold(plural(run.images, "image"))}: ${counts.join(", ")} in ${formatSeconds(run.seconds)}`,
    ...section("Rebuilds", renderTable(columns, rows, screen), screen),
    ...section("Alarms", alarms.join("\n"), screen),
  ].join("\n");
}
