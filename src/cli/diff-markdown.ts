import { codeSpan as code, cutLines, markdownTable } from "../core/report/index.ts";
import { formatBytes } from "../lib/index.ts";
import type { Diff } from "../operation/index.ts";
import { plural, showDigest } from "./wording.ts";

const mostFiles = 100;

type Advisory = Diff["advisories"]["closed"][number];

/** What differs as Markdown for a pull request or release notes: packages and advisories first. What comes from images and feeds stands in code spans. GitHub Flavored Markdown. */
export function formatDiffMarkdown(diff: Diff): string {
  const lines = [
    `### ${code(diff.a.reference)} → ${code(diff.b.reference)}`,
    "",
    `${code(showDigest(diff.a.digest))} → ${code(showDigest(diff.b.digest))}, ${code(diff.b.platform)}: ` +
      `${plural(diff.packages.length, "package")} differ, ${formatBytes(diff.a.bytes)} → ${formatBytes(diff.b.bytes)}, ${plural(diff.layersShared, "layer")} shared.`,
    "",
    ...advisories(diff),
    ...part("Packages", packageTable(diff.packages)),
    ...part(
      "Configuration",
      markdownTable(
        ["Key", "Before", "After"],
        diff.config.map(({ path, from, to }) => [code(path), said(from, "not set"), said(to, "not set")]),
      ),
    ),
    ...part(
      "Files",
      markdownTable(
        ["Change", "Path"],
        (diff.files ?? []).map(({ change, path }) => [change, code(path)]),
        mostFiles,
      ),
    ),
  ];
  return cutLines(lines).join("\n").trimEnd();
}

/** Packages of any kind that came, went or changed. */
export function packageTable(packages: Diff["packages"]): string[] {
  return markdownTable(
    ["Kind", "Package", "Before", "After"],
    packages.map(({ type, name, from, to }) => [code(type), code(name), said(from, "new"), said(to, "gone")]),
  );
}

/** A heading and what stands under it; nothing where there is nothing. */
export function part(title: string, body: readonly string[]): string[] {
  return body.length === 0 ? [] : [`#### ${title}`, "", ...body];
}

function advisories({ advisories: found }: Diff): string[] {
  const { state, reasons, closed, brought, remain, settled } = found;
  const isOpen = ({ open }: Advisory): boolean => open;
  const aside = [...closed, ...brought].filter((one) => !isOpen(one)).length + settled.length;
  const unknown =
    state === "known"
      ? []
      : [
          "**Not everything could be told: what is not listed is not known, not clean.**",
          "",
          ...reasons.slice(0, 10).map((reason) => `- ${code(reason)}`),
          "",
        ];
  const table = (list: readonly Advisory[]): string[] =>
    markdownTable(
      ["Vulnerability", "Severity", "Kind", "Package", "Version", "VEX"],
      list.map((one) => [
        `${code(one.id)}${one.exploited ? " **exploited**" : ""}`,
        code(one.severity),
        code(one.type),
        code(one.package),
        code(one.version),
        one.vex === null ? "" : `${code(one.vex.status)} by ${code(one.vex.by)}: ${code(one.vex.reason)}`,
      ]),
    );
  return [
    `**${closed.filter(isOpen).length} vulnerabilities closed, ${brought.filter(isOpen).length} brought, ${remain} in both${aside === 0 ? "" : `, ${aside} set aside by VEX`}.**`,
    "",
    ...unknown,
    ...part("Closed", table(closed)),
    ...part("Brought", table(brought)),
    ...part("In both, set aside by VEX", table(settled)),
  ];
}

function said(text: string | null, otherwise: string): string {
  return text === null ? otherwise : code(text);
}
