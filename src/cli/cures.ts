import type { CureView, ScheduleView } from "../operation/index.ts";
import type { Screen } from "./screen.ts";
import { renderTable, type Cell } from "./table.ts";
import { showSome, showTime } from "./wording.ts";

const mostRows = 100;

/** What is wrong with images, why that matters, what cures it and when, as a table; the worst first. */
export function curesTable(cures: readonly CureView[], screen: Screen): string {
  const paint = { critical: screen.red, high: screen.red, medium: screen.yellow, low: screen.dim };
  const rows = cures.slice(0, mostRows).map((cure): Cell[] => {
    const level = cure.exploited ? `${cure.severity}, exploited` : cure.severity;
    const isPainted = cure.severity === "none" || cure.severity === "unknown" ? undefined : paint[cure.severity];
    return [
      cure.image,
      isPainted === undefined ? level : { text: level, paint: cure.exploited ? screen.red : isPainted },
      showSome([...cure.ids.slice(0, 2), ...Array.from({ length: cure.findings - 2 }, () => "")], 2),
      `${cure.source} ${cure.version}`,
      cure.remedy.summary,
      showSchedule(cure.schedule),
    ];
  });
  const columns = [
    { title: "IMAGE", flexible: true },
    { title: "SEVERITY" },
    { title: "FINDING", flexible: true },
    { title: "PACKAGE", flexible: true },
    { title: "CURE", flexible: true },
    { title: "WHEN", flexible: true },
  ];
  const table = renderTable(columns, rows, screen);
  const more = cures.length - rows.length;
  return more > 0 ? `${table}\n${screen.dim(`and ${more} more: --json has all`)}` : table;
}

function showSchedule({ state, lane, notBefore, reason }: ScheduleView): string {
  switch (state) {
    case "planned":
      return `${notBefore === null ? "now" : `not before ${showTime(notBefore)}`}${lane === "urgent" ? ", urgent" : ""}`;
    case "under-way":
      return `under way: ${reason}`;
    case "waiting":
      return notBefore === null ? `waits: ${reason}` : `not before ${showTime(notBefore)}: ${reason}`;
    case "person":
      return `by a person: ${reason}`;
    case "upstream":
      return "–";
    case "accepted":
      return notBefore === null ? "accepted" : `accepted until ${showTime(notBefore)}`;
  }
}
