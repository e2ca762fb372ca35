import { formatBytes, printable } from "../lib/index.ts";
import type { Rebase } from "../operation/index.ts";
import { absolutePlace } from "./absolute-path.ts";
import { command, withConnection } from "./command.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { UsageError } from "./usage-error.ts";
import { plural, section, showDigest } from "./wording.ts";

export const rebase = command<Rebase>({
  usage: "rebase <image>",
  summary: "Put an image on a newer base without building it, where that is shown to be safe; needs no configuration",
  options: [
    { flags: "--onto <base>", description: "the base that it shall stand on" },
    { flags: "--old-base <base>", description: "the base that it stands on (its annotations say)" },
    {
      flags: "--to <place>",
      description: "repository[:tag] or layout for the result (its own repository, no tag moved)",
    },
    { flags: "--dry-run", description: "only say what would be done" },
  ],
  examples: [
    [
      "tidemill rebase registry.example/app:1 --onto registry.example/base:12.7 --old-base registry.example/base:12.6 --dry-run",
      "what would be taken, merged and dropped, or why not",
    ],
    [
      "tidemill rebase registry.example/app:1 --onto registry.example/base:12 --to registry.example/app:1",
      "move the tag",
    ],
  ],
  run: async (context, asked) => {
    const onto = asked.text("onto");
    const oldBase = asked.text("old-base");
    const to = asked.text("to");
    if (onto === undefined)
      throw new UsageError("BAD_USAGE", "rebase: onto what?", { hint: "Name the new base by --onto." });
    return withConnection(
      context,
      ({ operations }) =>
        operations.rebase({
          image: absolutePlace(asked.argument("image")),
          onto: absolutePlace(onto),
          dryRun: asked.flag("dry-run"),
          ...(oldBase === undefined ? {} : { oldBase: absolutePlace(oldBase) }),
          ...(to === undefined ? {} : { to: absolutePlace(to) }),
        }),
      { stateless: true },
    );
  },
  print: printRebase,
  outcome: (answer) => (answer.kind === "refused" ? "refused" : "ok"),
});

function printRebase(answer: Rebase, screen: Screen): string {
  const name = screen.bold(printable(answer.image));
  if (answer.kind === "unchanged") return `${name} stands on ${showDigest(answer.base)} already.`;
  const columns = (...titles: string[]) => titles.map((title) => ({ title, flexible: true }));
  if (answer.kind === "refused") {
    const several = new Set(answer.reasons.map(({ platform }) => platform)).size > 1;
    return [
      `${name}  ${screen.red("refused")}: rebuild it instead`,
      "",
      renderTable(
        columns("REASON", ...(several ? ["PLATFORM"] : []), "WHAT"),
        answer.reasons.map(({ code, platform, message }) => [code, ...(several ? [platform ?? ""] : []), message]),
        screen,
      ),
    ].join("\n");
  }
  const where =
    answer.written === null
      ? screen.yellow("nothing was written: a dry run")
      : `${printable(answer.written)}, ${formatBytes(answer.bytesUploaded)} of ${formatBytes(answer.bytes)} sent`;
  return [
    `${name}  ${showDigest(answer.from)} → ${showDigest(answer.digest)}  base ${showDigest(answer.oldBase)} → ${showDigest(answer.base)}`,
    where,
    ...answer.platforms.flatMap((platform) => [
      "",
      `${printable(platform.platform)}  ${plural(platform.layers.base, "layer")} of the base, ${platform.layers.application} of the application` +
        (platform.layers.mergeBytes === 0 ? "" : `, ${formatBytes(platform.layers.mergeBytes)} of what both changed`),
      ...section(
        "Packages",
        renderTable(
          columns("PACKAGE", "ARCHITECTURE", "FROM", "TO"),
          platform.packages.map((row) => [row.name, row.architecture, row.from ?? "(new)", row.to ?? "(gone)"]),
          screen,
        ),
        screen,
      ),
      ...section(
        "Changed on both sides",
        renderTable(
          columns("PATH", "IS", "WHY"),
          platform.treatments.map((row) => [row.path, row.action, row.reason]),
          screen,
        ),
        screen,
      ),
    ]),
  ].join("\n");
}
