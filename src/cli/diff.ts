import { AppError, formatBytes, printable } from "../lib/index.ts";
import type { Connection, Diff } from "../operation/index.ts";
import { absolutePlace } from "./absolute-path.ts";
import { command, withConnection } from "./command.ts";
import { formatDiffMarkdown } from "./diff-markdown.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { plural, section, showDigest } from "./wording.ts";

interface Output {
  readonly diff: Diff;
  readonly markdown: boolean;
}

export const diff = command<Output>({
  usage: "diff <a> <b>",
  summary: "What differs between two images: packages, advisories, layers, configuration, files",
  options: [
    { flags: "--platform <platform>", description: "which platform of an index, as linux/arm64" },
    { flags: "--files", description: "compare files as well, which reads every layer that differs" },
    { flags: "--markdown", description: "as Markdown, for a pull request or release notes" },
  ],
  examples: [
    ["tidemill diff web:staging web:production", "what a promotion would bring"],
    ["tidemill diff web@3f2a9c01b2de web@77aa10cc2b19 --files", "two digests of one image, file by file"],
    ["tidemill diff web:production web:staging --markdown", "what a release brings, for its notes"],
  ],
  run: async (context, asked) => {
    const platform = asked.text("platform");
    const ask = ({ operations }: Pick<Connection, "operations">): Promise<Diff> =>
      operations.diff({
        a: absolutePlace(asked.argument("a")),
        b: absolutePlace(asked.argument("b")),
        files: asked.flag("files"),
        ...(platform === undefined ? {} : { platform }),
      });
    const markdown = asked.flag("markdown");
    try {
      return { diff: await withConnection(context, ask), markdown };
    } catch (error) {
      // Two images of anywhere need no fleet.
      const isMissing = error instanceof AppError && error.code === "CONFIG_MISSING";
      if (!isMissing || context.options.config !== undefined) throw error;
      return { diff: await withConnection(context, ask, { stateless: true }), markdown };
    }
  },
  json: (output) => output.diff,
  print: (output, screen) => (output.markdown ? formatDiffMarkdown(output.diff) : printDiff(output.diff, screen)),
});

function printDiff(diff: Diff, screen: Screen): string {
  const side = (name: string, value: Diff["a"]) =>
    `${name}  ${printable(value.reference)}  ${showDigest(value.digest)}  ${printable(value.platform)}  ` +
    `${plural(value.packages, "package")}, ${formatBytes(value.bytes)}`;
  const packages = diff.packages.map(({ type, name, architecture, from, to, path }) => [
    type,
    name,
    // Languages have no architectures, and distributions' packages no file of their own.
    path ?? architecture,
    from ?? "(new)",
    to ?? "(gone)",
  ]);
  const layers = diff.layers.map((layer) => [
    layer.in === "a" ? "only a" : "only b",
    showDigest(layer.digest),
    formatBytes(layer.bytes),
    layer.content,
  ]);
  const config = diff.config.map((row) => [row.path, row.from ?? "(not set)", row.to ?? "(not set)"]);
  const files = (diff.files ?? []).map((file) => [file.change, file.path]);
  const columns = (...titles: string[]) => titles.map((title) => ({ title, flexible: true }));
  const same = diff.packages.length + diff.layers.length + diff.config.length + files.length === 0;
  return [
    side("a", diff.a),
    side("b", diff.b),
    same ? "Nothing differs." : `${plural(diff.layersShared, "layer")} shared`,
    ...section("Packages", renderTable(columns("KIND", "PACKAGE", "WHERE", "A", "B"), packages, screen), screen),
    ...section("Advisories", advisories(diff, screen), screen),
    ...section("Layers", renderTable(columns("", "LAYER", "SIZE", "HOLDS"), layers, screen), screen),
    ...section("Configuration", renderTable(columns("KEY", "A", "B"), config, screen), screen),
    ...section("Files", renderTable(columns("", "PATH"), files, screen), screen),
  ].join("\n");
}

function advisories({ advisories: found }: Diff, screen: Screen): string {
  const { state, reasons, closed, brought, settled } = found;
  const row = (paint: (text: string) => string, change: string) => (one: Diff["advisories"]["closed"][number]) => [
    { text: change, paint: one.open ? paint : screen.dim },
    one.id,
    one.exploited ? { text: `${one.severity}, exploited`, paint: screen.red } : one.severity,
    one.type,
    one.package,
    one.version,
    one.vex === null ? "" : { text: saidOf(one.vex), paint: screen.dim },
  ];
  const rows = [
    ...closed.map(row(screen.green, "closed")),
    ...brought.map(row(screen.red, "brought")),
    ...settled.map(row(screen.dim, "in both")),
  ];
  const columns = ["", "ADVISORY", "SEVERITY", "KIND", "PACKAGE", "VERSION", "VEX"].map((title) => ({
    title,
    flexible: true,
  }));
  const unknown = state === "known" ? [] : [screen.yellow(`unknown: ${printable(reasons.slice(0, 5).join("; "))}`)];
  return [...unknown, countsOf(found), renderTable(columns, rows, screen)].filter((text) => text !== "").join("\n");
}

/** How many are open: what VEX sets aside is told apart, and in none of the other numbers. */
function countsOf({ closed, brought, remain, settled }: Diff["advisories"]): string {
  const aside = [...closed, ...brought].filter(({ open }) => !open).length + settled.length;
  const both = `${plural(remain, "vulnerability", "vulnerabilities")} in both`;
  return aside === 0 ? both : `${both}; ${aside} set aside by VEX`;
}

/** `not affected by ann: component_not_present: built without it`. */
function saidOf({ status, by, reason }: NonNullable<Diff["advisories"]["closed"][number]["vex"]>): string {
  return `${status.replaceAll("_", " ")} by ${by}: ${reason}`;
}
