import type { ScanComparison } from "./compare-scans.ts";
import { describeRemedy } from "./describe-remedy.ts";
import { codeSpan as code, cutLines, markdownTable } from "./markdown.ts";
import { countLevels, levelOf } from "./order-findings.ts";
import type { JudgedScan, ScanFinding, ScanPlatform } from "./types.ts";

/**
 * A scan as Markdown for a comment on a pull request: the verdict, then a table a platform, the worst first. Every text that comes from the image, a feed or a person stands in a code span, where
 * it is neither markup, nor a link, nor a mention. GitHub Flavored Markdown, 6.1 and 4.10. With a comparison what is new comes first.
 */
export function formatMarkdown({ report, verdict }: JudgedScan, comparison?: ScanComparison): string {
  const parts = [`### Scan of ${code(report.subject.name)}`, ""];
  if (report.subject.digest !== undefined) parts.push(`Digest ${code(report.subject.digest)}`, "");
  if (verdict.kind === "failed")
    parts.push("**Refused by policy:**", "", ...verdict.reasons.map((reason) => `- ${code(reason)}`), "");
  if (verdict.kind === "passed") parts.push("**Passed the policy.**", "");
  if (verdict.kind !== "none" && verdict.unrated > 0)
    parts.push(`${verdict.unrated} findings have no severity: no rule counted them.`, "");
  if (comparison !== undefined) parts.push(...comparisonLines(comparison));
  for (const platform of report.platforms) parts.push(...platformLines(platform));
  if (report.notes.length > 0) parts.push(...report.notes.slice(0, 20).map((note) => `- ${code(note)}`), "");
  return `${cutLines(parts).join("\n").trimEnd()}\n`;
}

function platformLines(platform: ScanPlatform): string[] {
  const open = platform.findings.filter(({ ignored }) => ignored === undefined);
  const aside = platform.findings.length - open.length;
  const title = platform.platform === undefined ? [] : [`#### ${code(platform.platform)}`, ""];
  const counts = countLevels(open).map(({ level, count }) => `${count} ${level}`);
  const unknown =
    platform.state === "known"
      ? []
      : [
          "**Not everything could be told: what is not listed is not known, not clean.**",
          "",
          ...platform.reasons.slice(0, 10).map((reason) => `- ${code(reason)}`),
          "",
        ];
  const summary =
    open.length > 0
      ? `${open.length} findings in ${platform.packages.length} packages: ${counts.join(", ")}.`
      : platform.state === "known"
        ? `No known vulnerability in ${platform.packages.length} packages.`
        : `No finding in ${platform.packages.length} packages that could be read.`;
  return [...title, ...unknown, `${summary}${aside === 0 ? "" : ` ${aside} set aside.`}`, "", ...tableOf(open)];
}

function comparisonLines({ added, gone, stayed, doubts }: ScanComparison): string[] {
  const line = `**${added.length} new, ${gone.length} gone, ${stayed.length} as before.**`;
  return [
    line,
    "",
    ...(doubts.length === 0 ? [] : [...doubts.slice(0, 10).map((doubt) => `- unknown: ${code(doubt)}`), ""]),
    ...(added.length === 0 ? [] : ["New:", "", ...tableOf(added)]),
    ...(gone.length === 0
      ? []
      : ["Gone:", "", ...gone.slice(0, 50).map(({ id, package: name }) => `- ${code(id)} in ${code(name)}`), ""]),
  ];
}

function tableOf(findings: readonly ScanFinding[]): string[] {
  const rows = findings.map((finding) => {
    const signs = [
      ...(finding.malicious === true ? ["**malware**"] : []),
      ...(finding.exploited === undefined ? [] : ["**exploited**"]),
      ...(finding.epss === undefined ? [] : [`EPSS ${Math.round(finding.epss * 100)} %`]),
    ];
    return [
      levelOf(finding),
      code(finding.package),
      code(finding.version),
      [code(finding.id), ...signs].join(" "),
      code(describeRemedy(finding.remedy)),
    ];
  });
  return markdownTable(["Severity", "Package", "Installed", "Vulnerability", "Cure"], rows);
}
