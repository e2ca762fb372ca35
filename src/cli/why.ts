import { formatBytes, formatSeconds, printable } from "../lib/index.ts";
import type { Why } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { parseImageReference } from "./image-reference.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { formatWhyMarkdown } from "./why-markdown.ts";
import { plural, section, showDigest, showSome, showTime } from "./wording.ts";

interface Output {
  readonly why: Why;
  readonly markdown: boolean;
}

export const why = command<Output>({
  usage: "why <image[@digest]>",
  summary: "Why a digest exists, from the first observation to what runs",
  options: [{ flags: "--markdown", description: "as Markdown, for a pull request or release notes" }],
  examples: [
    ["tidemill why web", "what led to the digest in production"],
    ["tidemill why web@3f2a9c01b2de", "any digest, or how it begins"],
    ["tidemill why web --markdown >> notes.md", "for release notes"],
  ],
  run: async (context, asked) => {
    const reference = parseImageReference(asked.argument("image[@digest]"));
    const found = await withConnection(context, ({ operations }) => operations.why(reference));
    return { why: found, markdown: asked.flag("markdown") };
  },
  json: (output) => output.why,
  print: (output, screen) => (output.markdown ? formatWhyMarkdown(output.why) : printWhy(output.why, screen)),
});

function printWhy(why: Why, screen: Screen): string {
  const places = why.environments.length === 0 ? "runs nowhere" : `runs in ${why.environments.join(", ")}`;
  const lines = [
    `${screen.bold(printable(why.image))} ${why.digest}`,
    `${printable(places)}; ${why.previous === null ? "the first of its name" : `after ${showDigest(why.previous)}`}`,
  ];
  if (why.quarantined !== null) lines.push(screen.red(`quarantined: ${printable(why.quarantined)}`));
  if (why.rebuild !== null) {
    const took = why.rebuild.seconds === null ? "" : ` in ${formatSeconds(why.rebuild.seconds)}`;
    lines.push(`asked for ${showTime(why.rebuild.queuedAt)}, built ${showTime(why.rebuild.builtAt)}${took}`);
  }
  if (why.waits !== null) {
    const until = why.waits.until === null ? "" : ` until ${showTime(why.waits.until)}`;
    lines.push(screen.yellow(`waits${until}: ${printable(why.waits.reason)}`));
  }
  for (const { verdict, by, environment, reason } of why.approvals)
    lines.push(printable(`${verdict} for ${environment} by ${by}: ${reason}`));
  if (why.made !== null) {
    lines.push(`by ${why.made.remedy}: ${printable(why.made.reason)}`);
    for (const { name, digest } of why.made.from) lines.push(`  of ${printable(name)} ${showDigest(digest)}`);
    if (why.made.source !== null) lines.push(`  from ${printable(why.made.source.slice(0, 19))}`);
  }
  return [
    ...lines,
    ...section("Because", chain(why), screen),
    ...section("Packages", packages(why, screen), screen),
    ...section("Advisories", advisories(why, screen), screen),
    ...section("Findings", findings(why, screen), screen),
    ...section("Changes of the source", bumps(why, screen), screen),
    ...section("Layers", layers(why, screen), screen),
    ...section("Verified", verifications(why, screen), screen),
    ...section("Evidence", evidence(why), screen),
    ...section("Promoted", promotions(why, screen), screen),
    ...section("Deployed", deployments(why, screen), screen),
  ].join("\n");
}

function chain(why: Why): string {
  return why.chain
    .map((link) => {
      const indent = "  ".repeat(link.depth + 1);
      const seen = link.observation;
      const dated = seen?.generation ? `, which dates itself ${showTime(seen.generation)}` : "";
      const end =
        seen === null
          ? ""
          : `\n${indent}  first seen ${showTime(seen.firstSeen)} in ${printable(seen.upstream)}${dated}`;
      return `${indent}${printable(link.image)}: ${printable(link.cause.summary)}${end}`;
    })
    .join("\n");
}

function packages(why: Why, screen: Screen): string {
  const rows = why.packages.map((change) => [
    change.type,
    change.name,
    change.path ?? change.architecture,
    change.from ?? "(new)",
    change.to ?? "(gone)",
  ]);
  const titles = ["KIND", "PACKAGE", "WHERE", "FROM", "TO"].map((title) => ({ title, flexible: true }));
  return renderTable(titles, rows, screen);
}

function advisories(why: Why, screen: Screen): string {
  const rows = why.advisories.map((row) => [
    row.id,
    row.package,
    row.source === "feed" ? "advisory feed" : "only its changelog says so",
  ]);
  return renderTable([{ title: "ADVISORY" }, { title: "PACKAGE" }, { title: "WHO SAYS SO" }], rows, screen);
}

const mostFindings = 50;

function findings(why: Why, screen: Screen): string {
  const rows = why.findings
    .slice(0, mostFindings)
    .map((row) => [
      row.id,
      row.exploited ? { text: `${row.severity}, exploited`, paint: screen.red } : row.severity,
      row.package,
      row.environment,
      showTime(row.published),
      showTime(row.detected),
      showTime(row.fixAvailable),
      row.closed === null
        ? { text: "open", paint: screen.red }
        : `${showTime(row.closed.at)} ${row.closed.kind}${row.closed.rebuild === null ? "" : ` by ${row.closed.rebuild.slice(0, 8)}`}`,
    ]);
  const titles = ["FINDING", "SEVERITY", "PACKAGE", "WHERE", "PUBLISHED", "DETECTED", "FIX SEEN"];
  const columns = [...titles.map((title) => ({ title, flexible: true })), { title: "CLOSED", flexible: true }];
  const more = why.findings.length - rows.length;
  const table = renderTable(columns, rows, screen);
  return more > 0 ? `${table}\n${screen.dim(`and ${more} more: --json has all`)}` : table;
}

function bumps(why: Why, screen: Screen): string {
  const rows = why.bumps.map((row) => [
    row.package,
    row.moves.map(({ from, to }) => `${from} → ${to}`).join(", "),
    row.url ?? `a commit to ${row.repository}`,
    showTime(row.openedAt),
    row.end === null ? { text: "open", paint: screen.yellow } : `${showTime(row.endedAt)} ${row.end}`,
    showSome(
      row.closes.map(({ id }) => id),
      3,
    ),
  ]);
  const titles = ["PACKAGE", "VERSION", "BY", "OPENED", "ENDED", "CLOSES"].map((title) => ({ title, flexible: true }));
  return renderTable(titles, rows, screen);
}

function layers(why: Why, screen: Screen): string {
  const { changed, unchanged, bytesChanged, bytesTotal } = why.layers;
  const rows = changed.map((layer) => [
    showDigest(layer.digest),
    formatBytes(layer.bytes),
    layer.content,
    showSome(layer.packages, 4),
  ]);
  const columns = [
    { title: "LAYER" },
    { title: "SIZE", align: "right" as const },
    { title: "HOLDS", flexible: true },
    { title: "PACKAGES", flexible: true },
  ];
  const line = `${plural(changed.length, "layer")} changed, ${unchanged} as before; ${formatBytes(bytesChanged)} of ${formatBytes(bytesTotal)}`;
  return [line, renderTable(columns, rows, screen)].filter((text) => text !== "").join("\n");
}

function verifications(why: Why, screen: Screen): string {
  const paint = { passed: screen.green, failed: screen.red, incomplete: screen.yellow };
  return why.verifications
    .map((verification) => {
      const by = verification.policy === null ? "" : `, by policy ${showDigest(verification.policy)}`;
      const head = `${printable(verification.environment)}: ${paint[verification.verdict](verification.verdict)} ${showTime(verification.at)}${by}`;
      const rows = verification.checks.map((check) => ["", check.name, check.verdict, check.message]);
      const titles = ["", "CHECK", "VERDICT"].map((title) => ({ title }));
      return [head, renderTable([...titles, { title: "", flexible: true }], rows, screen)].join("\n").trimEnd();
    })
    .join("\n");
}

function promotions(why: Why, screen: Screen): string {
  const rows = why.promotions.map((row) => [
    showTime(row.at),
    row.environment,
    row.kind,
    showDigest(row.from),
    row.by,
    row.policy === null ? "" : showDigest(row.policy),
    row.reason,
  ]);
  const titles = ["AT", "ENVIRONMENT", "", "FROM", "BY", "POLICY"].map((title) => ({ title }));
  return renderTable([...titles, { title: "REASON", flexible: true }], rows, screen);
}

function deployments(why: Why, screen: Screen): string {
  const rows = why.deployments.map((row) => [
    showTime(row.at),
    row.environment,
    row.name,
    row.state === "failed" ? { text: row.state, paint: screen.red } : row.state,
    row.by,
    row.reason,
  ]);
  const titles = ["AT", "ENVIRONMENT", "BY", "", "ASKED BY"].map((title) => ({ title }));
  return renderTable([...titles, { title: "REASON", flexible: true }], rows, screen);
}

/** Each kind with how many statements it has; who wants them all asks for JSON, or the registry. */
function evidence(why: Why): string {
  const byKind = Map.groupBy(why.evidence, ({ kind }) => kind);
  const kinds = [...byKind].map(([kind, list]) => (list.length === 1 ? kind : `${kind} (${list.length})`));
  const keys = [...new Set(why.evidence.map(({ key }) => key.replace("sha256:", "").slice(0, 16)))];
  return kinds.length === 0 ? "" : `  ${kinds.join(", ")}; signed by ${keys.join(", ")}`;
}
