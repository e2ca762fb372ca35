import { printable } from "../lib/index.ts";
import type { Plan } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { curesTable } from "./cures.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { plural, section, showTime } from "./wording.ts";

export const plan = command<Plan>({
  usage: "plan",
  summary: "What would be done now, and why; nothing is changed",
  options: [{ flags: "--refresh", description: "ask the upstreams first" }],
  examples: [
    ["tidemill plan", "by what was last seen"],
    ["tidemill plan --refresh --json | jq '.waves[].rebuilds[].image'", "ask the upstreams, list the images"],
    ["tidemill plan --json | jq '.findings[] | select(.exploited)'", "what is known to be exploited, and its cure"],
  ],
  run: async (context, asked) =>
    withConnection(context, ({ operations }) => operations.plan({ refresh: asked.flag("refresh") })),
  print: printPlan,
});

function printPlan(plan: Plan, screen: Screen): string {
  const planned = plan.waves.flatMap((wave) => wave.rebuilds);
  const lines = [
    planned.length === 0
      ? screen.green("Nothing to do.")
      : `${screen.bold(plural(planned.length, "rebuild"))} in ${plural(plan.waves.length, "wave")}`,
  ];
  if (plan.breaker.open) lines.push(screen.red(`The breaker is open: ${printable(plan.breaker.reason ?? "")}`));
  for (const { image, reasons } of plan.unknown)
    lines.push(
      screen.yellow(`? ${printable(image)}: what is wrong with it is not known: ${printable(reasons.join("; "))}`),
    );
  for (const warning of plan.warnings) lines.push(screen.yellow(`! ${printable(warning)}`));
  const columns = [
    { title: "WAVE", align: "right" as const },
    { title: "IMAGE", flexible: true },
    { title: "LANE" },
    { title: "NOT BEFORE" },
    { title: "CAUSE", flexible: true },
  ];
  const rows = plan.waves.flatMap((wave, index) =>
    wave.rebuilds.map((rebuild) => [
      `${index + 1}`,
      rebuild.image,
      rebuild.lane === "urgent" ? { text: "urgent", paint: screen.yellow } : "routine",
      rebuild.notBefore === null ? "now" : showTime(rebuild.notBefore),
      rebuild.reason,
    ]),
  );
  const held = plan.held.map((row) => [
    row.image,
    row.kind,
    row.until === null ? "until resumed" : showTime(row.until),
    row.reason,
  ]);
  const heldColumns = [
    { title: "IMAGE", flexible: true },
    { title: "BY" },
    { title: "UNTIL" },
    { title: "REASON", flexible: true },
  ];
  const waiting = plan.waiting.map((row) => [
    row.image,
    row.environment ?? "",
    row.until === null ? "" : showTime(row.until),
    row.reason,
  ]);
  const waitingColumns = [
    { title: "IMAGE", flexible: true },
    { title: "ENVIRONMENT" },
    { title: "UNTIL" },
    { title: "FOR", flexible: true },
  ];
  const untouched = plan.untouched.map((row) => [row.image, row.reason]);
  const untouchedColumns = [
    { title: "IMAGE", flexible: true },
    { title: "WHY NOT", flexible: true },
  ];
  return [
    ...lines,
    ...section("To rebuild", renderTable(columns, rows, screen), screen),
    ...section("Held back", renderTable(heldColumns, held, screen), screen),
    ...section("Waiting", renderTable(waitingColumns, waiting, screen), screen),
    ...section("Findings", curesTable(plan.cures, screen), screen),
    ...section("Not touched", renderTable(untouchedColumns, untouched, screen), screen),
  ].join("\n");
}
