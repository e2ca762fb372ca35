import { printable } from "../lib/index.ts";
import type { InventoryView } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { createProgress } from "./progress.ts";
import { placeOf } from "./place-of.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { UsageError } from "./usage-error.ts";
import { plural, showDigest } from "./wording.ts";

interface Output {
  readonly inventory: InventoryView;
}

export const inventory = command<Output>({
  usage: "inventory <subject>",
  summary:
    "Every package in an image, OCI layout, docker archive, folder or SBOM: its layer, what tells of it, who owns it",
  options: [
    { flags: "--platform <platform>", description: "only this platform of an index, as linux/arm64" },
    { flags: "--cyclonedx", description: "as a CycloneDX 1.6 document" },
    { flags: "--spdx", description: "as an SPDX 2.3 document" },
  ],
  examples: [
    ["tidemill inventory registry.example/team/app:1.4", "what an image holds, and from which layer"],
    ["tidemill inventory app.tar --cyclonedx > app.cdx.json", "a bill of materials"],
  ],
  run: async (context, asked) => {
    const platform = asked.text("platform");
    const formats = (["cyclonedx", "spdx"] as const).filter((format) => asked.flag(format));
    if (formats.length + (context.json ? 1 : 0) > 1)
      throw new UsageError("BAD_USAGE", "--json, --cyclonedx and --spdx are different formats", {
        hint: "Choose one.",
      });
    const [format] = formats;
    const subject = await placeOf(asked.argument("subject"));
    const progress = context.screen.live && !context.json ? createProgress(context.screen, false) : undefined;
    try {
      const found = await withConnection(
        context,
        ({ operations }) =>
          operations.inventory({
            subject,
            ...(platform === undefined ? {} : { platform }),
            ...(format === undefined ? {} : { format }),
          }),
        { stateless: true, ...(progress === undefined ? {} : { onEvent: progress.onEvent }) },
      );
      return { inventory: found };
    } finally {
      progress?.close();
    }
  },
  print: ({ inventory: found }, screen) => found.document?.trimEnd() ?? renderInventory(found, screen),
  json: ({ inventory: { document: _document, ...rest } }) => rest,
});

function renderInventory({ subject, digest, platforms }: InventoryView, screen: Screen): string {
  const lines = [`${screen.bold(printable(subject))}${digest === null ? "" : `  ${showDigest(digest)}`}`];
  for (const { platform, os, status, problems, packages } of platforms) {
    const what = [...(platform === null ? [] : [platform]), os ?? "no os-release", plural(packages.length, "package")];
    lines.push(what.map(printable).join("  "));
    if (status === "unknown") lines.push(screen.red("Not everything could be read: what is not listed is not known."));
    for (const problem of problems) lines.push(`  ${screen.yellow("!")} ${printable(problem)}`);
    const columns = [
      { title: "TYPE" },
      { title: "PACKAGE", flexible: true },
      { title: "VERSION", flexible: true },
      { title: "SOURCE", flexible: true },
      { title: "LAYER" },
      { title: "WHERE", flexible: true },
    ];
    const rows = packages.map(({ type, name, version, architecture, source, layer, path, owner }) => [
      type,
      architecture === "" ? name : `${name}:${architecture}`,
      version,
      source === name ? "" : source,
      showDigest(layer),
      [path ?? "", owner === null ? "" : `(of ${owner})`].filter((part) => part !== "").join(" "),
    ]);
    lines.push(renderTable(columns, rows, screen), "");
  }
  return lines.join("\n").trimEnd();
}
