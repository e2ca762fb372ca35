import { printable } from "../lib/index.ts";
import type { Scan, ScanFindingView } from "../operation/index.ts";
import type { Paint, Screen } from "./screen.ts";
import { renderTable, type Cell, type Column } from "./table.ts";
import { cutText } from "./text-width.ts";
import { plural, showDigest, showSome, showTime } from "./wording.ts";

type Platform = Scan["platforms"][number];

/** From which width on there is room for where a package is, and what is wrong with it. */
const wide = 130;
const maxReasons = 10;
const levels = ["critical", "high", "medium", "low", "unrated", "none"] as const;

/** A scan for a terminal: what was looked at, what could not be told, then the findings by what cures them, the worst first. */
export function renderScan(scan: Scan, screen: Screen): string {
  const lines = [
    `${screen.bold(printable(scan.subject))}${scan.digest === null ? "" : `  ${showDigest(scan.digest)}`}`,
  ];
  for (const { platforms, names } of samePlatforms(scan.platforms))
    lines.push(...platformLines(platforms, names, screen));
  if (scan.comparison !== null) lines.push(...comparisonLines(scan.comparison, screen));
  const aside = unique(scan.platforms.flatMap(({ findings }) => findings)).filter(({ ignored }) => ignored !== null);
  if (aside.length > 0) lines.push("", screen.bold("Set aside"), asideTable(aside, screen));
  lines.push("", ...feedLines(scan, screen));
  for (const note of scan.notes) lines.push(`${screen.yellow("!")} ${printable(note)}`);
  lines.push(...verdictLines(scan, screen));
  return lines.join("\n");
}

/** Platforms that hold the same and have the same findings are shown once. */
function samePlatforms(platforms: readonly Platform[]): { platforms: Platform; names: string[] }[] {
  const groups = new Map<string, { platforms: Platform; names: string[] }>();
  for (const platform of platforms) {
    const rows = unique(platform.findings).map(
      ({ architecture: _architecture, purl: _purl, layer: _layer, ...rest }) => rest,
    );
    const key = JSON.stringify([platform.os, platform.state, platform.reasons, platform.packages, rows]);
    const group = groups.get(key) ?? { platforms: platform, names: [] };
    if (platform.platform !== null) group.names.push(platform.platform);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function platformLines(platform: Platform, names: readonly string[], screen: Screen): string[] {
  const open = unique(platform.findings).filter(({ ignored }) => ignored === null);
  const what = [
    ...(names.length === 0 ? [] : [names.join(", ")]),
    platform.os ?? "no os-release",
    plural(platform.packages, "package"),
  ];
  const lines = [what.map(printable).join("  ")];
  if (platform.state === "unknown") {
    lines.push(screen.red("unknown: what is not listed is not known, not clean"));
    const shown = shownOf(platform.reasons);
    for (const reason of shown) lines.push(`  ${screen.yellow("!")} ${printable(reason)}`);
    const more = platform.reasons.length - shown.length;
    if (more > 0) lines.push(`  and ${more} more`);
  }
  const rows = mergeRows(open).map(({ finding }) => finding);
  lines.push(summaryLine(rows, platform.state, screen));
  const groups = Map.groupBy(open, ({ remedy }) => remedy.group);
  for (const [group, findings] of groups) lines.push("", ...groupLines(group, findings, screen));
  return lines;
}

function shownOf(reasons: Platform["reasons"]): Platform["reasons"] {
  return reasons.slice(0, maxReasons);
}

function summaryLine(open: readonly ScanFindingView[], state: Platform["state"], screen: Screen): string {
  if (open.length === 0)
    return state === "known" ? screen.green("no known vulnerability") : "nothing was found in what could be told";
  const counts = levels.flatMap((level) => {
    const count = open.filter((finding) => levelOf(finding) === level).length;
    return count === 0 ? [] : [paintOf(level, screen)(`${count} ${level}`)];
  });
  const count = (is: (finding: ScanFindingView) => boolean) => open.filter(is).length;
  const exploited = count((one) => one.exploited !== null);
  const malicious = count(({ malicious: is }) => is);
  const curable = count(({ remedy }) => remedy.kind !== "wait-upstream" && remedy.kind !== "accepted");
  return [
    `${plural(open.length, "finding")}: ${counts.join(", ")}`,
    ...(malicious > 0 ? [screen.red(`${malicious} malicious`)] : []),
    ...(exploited > 0 ? [screen.red(`${exploited} known to be exploited`)] : []),
    `${curable} can be cured`,
  ].join("; ");
}

/** What one deed cures. */
function groupLines(group: string, findings: readonly ScanFindingView[], screen: Screen): string[] {
  const isCure = findings.some(({ remedy }) => remedy.kind !== "wait-upstream" && remedy.kind !== "accepted");
  const title = `${group}${isCure ? ` cures ${mergeRows(findings).length}` : ""}`;
  const inTheWay = obstacles(findings).map((line) => `  ${screen.yellow("!")} ${cutTo(printable(line), screen)}`);
  return [screen.bold(cutTo(printable(title), screen)), ...inTheWay, findingTable(findings, screen)];
}

const maxObstacles = 5;

/** Who does not take a version that cures, each once. */
function obstacles(findings: readonly ScanFindingView[]): string[] {
  const all = findings.flatMap(({ package: name, remedy: { version, dependants } }) =>
    dependants.flatMap(({ allows, name: by, range }) =>
      allows === false ? [`${by} asks for ${name} ${range}, which ${version ?? "the cure"} is not in`] : [],
    ),
  );
  const lines = [...new Set(all)];
  const more = lines.length - maxObstacles;
  return more > 0 ? [...lines.slice(0, maxObstacles), `and ${more} more`] : lines;
}

function findingTable(findings: readonly ScanFindingView[], screen: Screen): string {
  const isWide = screen.width === undefined || screen.width >= wide;
  const columns: Column[] = [
    { title: "SEVERITY" },
    { title: "VULNERABILITY" },
    { title: "PACKAGE", flexible: true },
    { title: "INSTALLED", flexible: true },
    { title: "CURED IN", flexible: true },
    { title: "SIGNS", flexible: true },
    ...(isWide
      ? [
          { title: "WHERE", flexible: true },
          { title: "WHAT", flexible: true },
        ]
      : []),
  ];
  return renderTable(
    columns,
    mergeRows(findings).map(({ finding, packages }) => rowOf(finding, packages, isWide, screen)),
    screen,
  );
}

function rowOf(finding: ScanFindingView, packages: readonly string[], isWide: boolean, screen: Screen): Cell[] {
  const level = levelOf(finding);
  const where = finding.path ?? (finding.layer === null ? "" : `layer ${showDigest(finding.layer)}`);
  return [
    { text: level, paint: paintOf(level, screen) },
    finding.id,
    packageText(finding, packages),
    finding.version,
    curedIn(finding),
    { text: signsOf(finding), paint: finding.exploited !== null || finding.malicious ? screen.red : (text) => text },
    ...(isWide ? [where, cutText(printable(finding.summary), 100)] : []),
  ];
}

/** `openssl (libssl3, openssl)` where the source has another name than what is installed. */
function packageText({ source, package: name, type }: ScanFindingView, packages: readonly string[]): string {
  if (packages.length === 1 && (source === name || source === "")) return name;
  if (type !== "deb" && type !== "apk") return showSome(packages, 3);
  return `${source} (${showSome(packages, 2)})`;
}

function curedIn({ remedy, fixed, state }: ScanFindingView): string {
  if (state === "unknown") return "not certain";
  return remedy.version ?? fixed ?? "–";
}

function signsOf({ malicious, exploited, epss, judgement, stated, hit }: ScanFindingView): string {
  return [
    ...(malicious ? ["malware"] : []),
    ...(exploited === null ? [] : ["exploited"]),
    ...(epss === null || epss < 0.01 ? [] : [`EPSS ${Math.round(epss * 100)} %`]),
    ...(judgement === null ? [] : [judgement]),
    ...(stated === null ? [] : [`VEX: ${stated.status.replaceAll("_", " ")}`]),
    ...(hit ? ["refused"] : []),
  ].join(", ");
}

/** One row for what is the same vulnerability of one source: its binary packages side by side. */
function mergeRows(findings: readonly ScanFindingView[]): { finding: ScanFindingView; packages: string[] }[] {
  const rows = new Map<string, { finding: ScanFindingView; packages: string[] }>();
  for (const finding of findings) {
    const { type, source, version, id, path } = finding;
    const key = JSON.stringify([type, source, version, id, path, curedIn(finding), signsOf(finding)]);
    const row = rows.get(key) ?? { finding, packages: [] };
    if (!row.packages.includes(finding.package)) row.packages.push(finding.package);
    rows.set(key, row);
  }
  return [...rows.values()];
}

function asideTable(findings: readonly ScanFindingView[], screen: Screen): string {
  const columns = [
    { title: "VULNERABILITY" },
    { title: "PACKAGE", flexible: true },
    { title: "BY", flexible: true },
    { title: "WHY", flexible: true },
    { title: "UNTIL" },
  ];
  return renderTable(
    columns,
    mergeRows(findings).map(({ finding, packages }) => {
      const { ignored } = finding;
      const why = [ignored?.status, ignored?.justification, ignored?.reason].filter(
        (part) => typeof part === "string" && part !== "",
      );
      return [
        finding.id,
        packageText(finding, packages),
        ignored?.by ?? "",
        why.join(": "),
        ignored?.until?.slice(0, 10) ?? "–",
      ];
    }),
    screen,
  );
}

function comparisonLines(comparison: NonNullable<Scan["comparison"]>, screen: Screen): string[] {
  const { against, digest, added, gone, stayed, doubts } = comparison;
  const lines = [
    "",
    `${screen.bold("Against")} ${printable(against)}${digest === null ? "" : `  ${showDigest(digest)}`}: ` +
      [
        (added.length > 0 ? screen.red : screen.green)(`${mergeRows(added).length} new`),
        screen.green(`${mergeRows(gone).length} gone`),
        `${stayed} as before`,
      ].join(", "),
  ];
  for (const doubt of doubts.slice(0, maxReasons))
    lines.push(`  ${screen.yellow("!")} not certain: ${printable(doubt)}`);
  if (added.length > 0) lines.push("", screen.bold("New"), findingTable(added, screen));
  if (gone.length > 0) lines.push("", screen.bold("Gone"), findingTable(gone, screen));
  return lines;
}

function feedLines({ feeds, platforms }: Scan, screen: Screen): string[] {
  if (feeds.length === 0)
    return [
      screen.red("unknown: no feed"),
      screen.dim("  Name one by --feed: a folder, zip or address of OSV records, or the Debian tracker's JSON."),
    ];
  // What is shown as a reason is not said again.
  const said = new Set(platforms.flatMap(({ state, reasons }) => (state === "unknown" ? shownOf(reasons) : [])));
  const rest = feeds.filter(({ alarm }) => alarm === null || !said.has(alarm));
  return rest.map(({ name, newest, alarm }) => {
    const state = alarm === null ? `of ${showTime(newest)}` : screen.red(printable(alarm));
    // An alarm names its feed.
    return alarm?.startsWith(name) === true ? state : `${screen.dim(`by ${printable(name)}`)} ${state}`;
  });
}

function verdictLines({ verdict }: Scan, screen: Screen): string[] {
  const lines: string[] = [];
  if (verdict.kind === "passed") lines.push(screen.green("passed: no rule was broken"));
  for (const reason of verdict.reasons) lines.push(`${screen.red("refused")} ${printable(reason)}`);
  if (verdict.unrated > 0)
    lines.push(
      screen.yellow(
        `${plural(verdict.unrated, "finding")} without a severity: no rule counted them (--fail-on unrated does)`,
      ),
    );
  return lines;
}

/** Findings that differ in nothing that is shown. */
function unique(findings: readonly ScanFindingView[]): ScanFindingView[] {
  return [
    ...new Map(
      findings.map((one) => [JSON.stringify([one.id, one.type, one.package, one.version, one.path]), one]),
    ).values(),
  ];
}

function levelOf({ severity }: ScanFindingView): (typeof levels)[number] {
  return severity?.level ?? "unrated";
}

function paintOf(level: string, screen: Screen): Paint {
  if (level === "critical" || level === "high") return screen.red;
  return level === "medium" || level === "unrated" ? screen.yellow : screen.dim;
}

function cutTo(text: string, screen: Screen): string {
  return screen.width === undefined ? text : cutText(text, screen.width);
}
