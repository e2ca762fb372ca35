import { printable } from "../lib/index.ts";
import type { Check } from "../operation/index.ts";
import { absolutePlace } from "./absolute-path.ts";
import { command, withConnection } from "./command.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { plural, section, showDigest, showSome, showTime } from "./wording.ts";

export const check = command<Check>({
  usage: "check <image>",
  summary: "What any image holds, what of it is old, since when, and what would cure it; needs no configuration",
  options: [{ flags: "--platform <platform>", description: "only this platform of an index, as linux/arm64" }],
  examples: [
    ["tidemill check registry.example/team/app:1.4", "an image in a registry"],
    ["tidemill check ./layout", "an OCI layout directory, or a .tar that docker saved"],
  ],
  run: async (context, asked) => {
    const platform = asked.text("platform");
    const image = absolutePlace(asked.argument("image"));
    return withConnection(
      context,
      ({ operations }) => operations.check({ image, ...(platform === undefined ? {} : { platform }) }),
      { stateless: true },
    );
  },
  print: printCheck,
});

function printCheck(check: Check, screen: Screen): string {
  const lines = [`${screen.bold(printable(check.reference))}  ${showDigest(check.digest)}`];
  for (const platform of check.platforms) {
    const security = platform.updates.filter((update) => update.security).length;
    lines.push(
      `${printable(platform.platform)}  ${printable(platform.os ?? "no os-release")}  ${plural(platform.packages, "package")}, ` +
        (platform.updates.length === 0
          ? screen.green("none with a newer version")
          : screen.yellow(`${platform.updates.length} with a newer version`) +
            (security > 0 ? `, ${screen.red(`${security} of them for security`)}` : "")),
    );
    if (platform.status === "unknown") {
      lines.push(screen.red("Not everything could be read: what is not listed is not known, not clean."));
    }
    for (const problem of platform.problems) lines.push(`  ${screen.yellow("!")} ${printable(problem)}`);
  }
  for (const suite of check.suites) {
    const state = suite.problem === null ? `of ${showTime(suite.date)}` : screen.red(printable(suite.problem));
    lines.push(screen.dim(`compared with ${printable(suite.name)}`) + ` ${state}`);
  }
  const { state, reason } = check.advisories;
  if (state !== "current") {
    const known = `${state}${reason === null ? "" : `: ${printable(reason)}`}`;
    lines.push(screen.dim(`advisories ${known}; what changelogs name are hints`));
  }
  return [
    ...lines,
    ...check.platforms.flatMap((platform) =>
      section(`Newer for ${printable(platform.platform)}`, updates(platform.updates, screen), screen),
    ),
    "",
    printable(check.remedy),
  ].join("\n");
}

function updates(rows: Check["platforms"][number]["updates"], screen: Screen): string {
  const columns = [
    { title: "PACKAGE", flexible: true },
    { title: "FROM", flexible: true },
    { title: "TO", flexible: true },
    { title: "SUITE" },
    { title: "SINCE" },
    { title: "ADVISORIES", flexible: true },
  ];
  return renderTable(
    columns,
    rows.map((row) => [
      row.name,
      row.from ?? "",
      row.to ?? "",
      row.security ? { text: row.origin, paint: screen.red } : row.origin,
      row.since === null ? "–" : row.since.slice(0, 10),
      showSome(
        row.advisories.map((advisory) => advisory.id),
        3,
      ),
    ]),
    screen,
  );
}
