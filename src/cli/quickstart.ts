import { formatBytes, formatSeconds, printable } from "../lib/index.ts";
import type { PackageChangeView, QuickstartResult, QuickstartRow, RunningQuickstart } from "../operation/index.ts";
import { command } from "./command.ts";
import { createProgress, type Progress } from "./progress.ts";
import type { Screen } from "./screen.ts";
import { renderTable, type Cell } from "./table.ts";
import { untilStopped } from "./up.ts";
import { plural, section, showDigest, showSome } from "./wording.ts";

interface Output {
  readonly running: RunningQuickstart;
  readonly progress: Progress;
  /** Whether the server goes on after the table. */
  readonly stays: boolean;
}

export const quickstart = command<Output>({
  usage: "quickstart",
  summary: "A fleet on real Debian packages, a real security update, and what it did; then the server until Ctrl-C",
  options: [
    { flags: "--exit", description: "end after the table; status 0 only if every promise held" },
    { flags: "--replay", description: "run day 1 again from what is cached" },
    { flags: "--with-failure", description: "plant an update that breaks, to see it stopped and taken back" },
    { flags: "-l, --listen <address>", description: "address and port to listen on (127.0.0.1, any port)" },
  ],
  examples: [
    ["npm start", "the tour"],
    ["npm start -- --exit --json", "the tour as a test"],
    ["npm start -- --with-failure", "what happens to a broken update"],
  ],
  run: async (context, asked) => {
    const { screen, json } = context;
    if (!json) screen.out(`${screen.bold("Tidemill: a fleet of images that renews itself")}\n`);
    const listen = asked.text("listen");
    const progress = createProgress(screen, json);
    try {
      const app = await context.load();
      const running = await app.startQuickstart({
        ...context.options,
        ...(listen === undefined ? {} : { listen }),
        replay: asked.flag("replay"),
        withFailure: asked.flag("with-failure"),
        onEvent: progress.onEvent,
        signal: context.stop,
      });
      progress.settle();
      return { running, progress, stays: !asked.flag("exit") };
    } catch (error) {
      progress.close();
      throw error;
    }
  },
  print: ({ running, stays }, screen) => printQuickstart(running.result, stays, screen),
  json: ({ running }) => running.result.counts,
  after: async ({ running, progress, stays }, context) => {
    try {
      if (!stays) return await running.close();
      if (!context.json) context.screen.out(context.screen.dim("\nWatching. Ctrl-C ends.\n"));
      return await untilStopped(running, context.stop);
    } finally {
      progress.close();
    }
  },
  outcome: ({ running }) => (running.result.broken.length === 0 ? "ok" : "failed"),
});

/** The morning after: what was rebuilt, what was not and why, what it cost, and where to look next. */
function printQuickstart(result: QuickstartResult, stays: boolean, screen: Screen): string {
  const touched = result.rows.filter((row) => row.outcome !== "unchanged");
  const untouched = result.rows.filter((row) => row.outcome === "unchanged");
  const lines = [
    ...result.notes.map(printable),
    ...result.alarms.map((alarm) => screen.red(`! ${printable(alarm)}`)),
    ...section("What the update did", touchedTable(touched, screen), screen),
    ...section("Not touched", untouchedTable(untouched, screen), screen),
    "",
    pride(result, screen),
    ...result.broken.map((promise) => screen.red(`Not kept: ${printable(promise)}`)),
    "",
    screen.bold("Next"),
    `  npx tidemill why ${printable(result.explainImage)}`,
    // What only a server answers is not named where none goes on.
    ...(stays
      ? [`  docker pull ${printable(result.pullReference)}`, `  ${printable(result.statusPage)}`]
      : ["  npm start    goes on from here: the status page, and a registry to pull from"]),
  ];
  return lines.join("\n").replace(/^\n+/, "");
}

function touchedTable(rows: readonly QuickstartRow[], screen: Screen): string {
  const columns = [
    { title: "IMAGE", flexible: true },
    { title: "FROM" },
    { title: "TO" },
    { title: "PACKAGES", flexible: true },
    { title: "CVES" },
    { title: "FIX→PROD", align: "right" as const },
  ];
  const cells = rows.map((row): Cell[] => [
    row.image,
    showDigest(row.from),
    row.outcome === "rebuilt"
      ? { text: showDigest(row.to), paint: screen.green }
      : { text: row.outcome, paint: row.outcome === "held" ? screen.yellow : screen.red },
    row.packages.length === 0 || row.outcome !== "rebuilt" ? row.reason : firstOf(groupChanges(row.packages), 6),
    firstOf(
      row.advisories.map((advisory) => advisory.id),
      4,
    ),
    row.secondsFixToProduction === null ? "" : formatSeconds(row.secondsFixToProduction),
  ]);
  return renderTable(columns, cells, screen);
}

/** Packages of one source mostly move together: `libssl3, openssl 3.0.16-1 → 3.0.17-1` is one line. */
function groupChanges(changes: readonly PackageChangeView[]): string[] {
  const groups = new Map<string, string[]>();
  for (const { name, from, to } of changes) {
    const move = `${from ?? "(new)"} → ${to ?? "(gone)"}`;
    const group = groups.get(move);
    if (group === undefined) groups.set(move, [name]);
    else if (!group.includes(name)) group.push(name);
  }
  return [...groups].map(([move, names]) => `${showSome(names, 4)} ${move}`);
}

function firstOf(lines: readonly string[], limit: number): readonly string[] {
  return lines.length <= limit ? lines : [...lines.slice(0, limit - 1), `and ${lines.length - limit + 1} more`];
}

function untouchedTable(rows: readonly QuickstartRow[], screen: Screen): string {
  const columns = [{ title: "IMAGE", flexible: true }, { title: "DIGEST" }, { title: "WHY NOT", flexible: true }];
  return renderTable(
    columns,
    rows.map((row) => [row.image, showDigest(row.to ?? row.from), row.reason]),
    screen,
  );
}

function pride(result: QuickstartResult, screen: Screen): string {
  const { counts, bytesUploaded, bytesFullRebuild, seconds } = result;
  if (counts.rebuilt === 0) {
    return `Everything is up to date: nothing was rebuilt in ${formatSeconds(seconds.day1)}.`;
  }
  const percent = (100 * bytesUploaded) / bytesFullRebuild;
  const share = bytesFullRebuild > 0 ? ` (${percent < 10 ? percent.toFixed(1) : percent.toFixed(0)} %)` : "";
  const closed = counts.cvesClosed > 0 ? `, ${plural(counts.cvesClosed, "CVE")} closed` : "";
  return screen.green(
    `${plural(counts.rebuilt, "image")} renewed in ${formatSeconds(seconds.day1)}${closed}: uploaded ${formatBytes(bytesUploaded)} ` +
      `where a full rebuild would have sent ${formatBytes(bytesFullRebuild)}${share}.`,
  );
}
