import { codeSpan as code, cutLines, markdownTable } from "../core/report/index.ts";
import type { Why } from "../operation/index.ts";
import { packageTable, part } from "./diff-markdown.ts";
import { showDigest, showTime } from "./wording.ts";

/** Why a digest exists as Markdown for a pull request or release notes, from the first observation to what runs. What comes from archives, feeds, images and people stands in code spans. GitHub Flavored Markdown. */
export function formatWhyMarkdown(why: Why): string {
  return cutLines([
    `### Why ${code(why.image)}`,
    "",
    ...head(why),
    "",
    ...part("Because", chain(why)),
    ...part("Packages", packageTable(why.packages)),
    ...part(
      "Advisories",
      markdownTable(
        ["Advisory", "Package", "Before", "After", "Who says so"],
        why.advisories.map((one) => [
          code(one.id),
          code(one.package),
          one.from === null ? "–" : code(one.from),
          one.to === null ? "–" : code(one.to),
          one.source === "feed" ? "advisory feed" : "only its changelog",
        ]),
      ),
    ),
    ...part("Findings", findings(why)),
    ...part(
      "Changes of the source",
      markdownTable(
        ["Package", "From", "To", "By", "Opened", "Ended", "Closes"],
        why.bumps.map((one) => [
          code(one.package),
          one.moves.map(({ from }) => code(from)).join(" "),
          one.moves.map(({ to }) => code(to)).join(" "),
          code(one.url ?? one.repository),
          showTime(one.openedAt),
          one.end === null ? "open" : `${showTime(one.endedAt)} ${one.end}`,
          one.closes
            .slice(0, 10)
            .map(({ id }) => code(id))
            .join(" "),
        ]),
      ),
    ),
    ...part("Verified", verifications(why)),
    ...part("Evidence", evidence(why)),
    ...part("Promoted and deployed", moves(why)),
  ])
    .join("\n")
    .trimEnd();
}

function head(why: Why): string[] {
  const places = why.environments.map(code).join(", ");
  const { made } = why;
  return [
    `Digest ${code(why.digest)}, ${why.previous === null ? "the first of its name" : `after ${code(showDigest(why.previous))}`}; ${places === "" ? "runs nowhere" : `runs in ${places}`}.`,
    ...(why.quarantined === null ? [] : ["", `**Quarantined:** ${code(why.quarantined)}`]),
    ...(why.waits === null ? [] : ["", `Waits: ${code(why.waits.reason)}`]),
    ...(made === null ? [] : ["", `Made by ${code(made.remedy)}: ${code(made.reason)}`]),
    ...(made?.from ?? []).map(({ name, digest }) => `- of ${code(name)} ${code(showDigest(digest))}`),
    ...(made === null || made.source === null ? [] : [`- from ${code(made.source)}`]),
    ...why.approvals.flatMap(({ verdict, by, environment, reason }) => [
      "",
      `${verdict} for ${code(environment)} by ${code(by)}: ${code(reason)}`,
    ]),
  ];
}

/** The causes, a parent's under it, each down to what was first seen of the outside world. */
function chain({ chain: links }: Why): string[] {
  if (links.length === 0) return [];
  const lines = links.flatMap(({ depth, image, cause, observation }) => {
    const indent = "  ".repeat(depth);
    const line = `${indent}- ${code(image)}: ${code(cause.summary)}`;
    if (observation === null) return [line];
    const dated = observation.generation === null ? "" : `, which dates itself ${showTime(observation.generation)}`;
    return [
      line,
      `${indent}  - first seen ${showTime(observation.firstSeen)} in ${code(observation.upstream)}${dated}`,
    ];
  });
  return [...lines, ""];
}

function findings(why: Why): string[] {
  return markdownTable(
    ["Vulnerability", "Severity", "Package", "Where", "Closed"],
    why.findings.map((one) => [
      code(one.id),
      `${code(one.severity)}${one.exploited ? " **exploited**" : ""}`,
      code(one.package),
      code(one.environment),
      one.closed === null ? "**open**" : `${showTime(one.closed.at)} ${code(one.closed.kind)}`,
    ]),
    50,
  );
}

function verifications({ verifications: list }: Why): string[] {
  return markdownTable(
    ["Environment", "Verdict", "At", "Checks"],
    list.map(({ environment, verdict, at, checks }) => [
      code(environment),
      verdict === "passed" ? verdict : `**${verdict}**`,
      showTime(at),
      checks.map((check) => `${code(check.name)} ${check.verdict}`).join(", "),
    ]),
  );
}

function evidence({ evidence: list }: Why): string[] {
  const byKind = Map.groupBy(list, ({ kind }) => kind);
  return markdownTable(
    ["Kind", "Statements", "Signed by"],
    [...byKind].map(([kind, own]) => [
      kind,
      String(own.length),
      [...new Set(own.map(({ key }) => key.replace("sha256:", "").slice(0, 16)))].map(code).join(", "),
    ]),
  );
}

/** What environments and running systems did with it, in the order of time. */
function moves({ promotions, deployments }: Why): string[] {
  const rows = [
    ...promotions.map((one) => ({ ...one, did: one.kind, where: code(one.environment) })),
    ...deployments.map((one) => ({ ...one, did: one.state, where: `${code(one.name)} of ${code(one.environment)}` })),
  ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return markdownTable(
    ["At", "Where", "", "By", "Reason"],
    rows.map(({ at, where, did, by, reason }) => [showTime(at), where, did, code(by), code(reason)]),
  );
}
