import { formatBytes, formatSeconds, printable } from "../lib/index.ts";
import type { OperationOutput } from "../operation/index.ts";
import { absolutePlace } from "./absolute-path.ts";
import { command, withConnection } from "./command.ts";
import { plural } from "./wording.ts";

export const build = command<OperationOutput<"build">>({
  usage: "build <image>",
  summary:
    "Build one recipe to a registry, an OCI layout directory, or an archive that docker loads; nothing is promoted",
  options: [
    {
      flags: "-t, --to <place>",
      description: "reference, ./directory, or file.tar (the embedded registry)",
    },
    { flags: "-p, --platform <platform...>", description: "only these platforms, as linux/arm64" },
  ],
  examples: [
    ["tidemill build web --to web.tar && docker load -i web.tar", "straight into Docker"],
    ["tidemill build web --to ./layout --platform linux/arm64", "an OCI layout for one platform"],
  ],
  run: async (context, asked) => {
    const to = asked.text("to");
    const platforms = asked.list("platform");
    return withConnection(context, ({ operations }) =>
      operations.build({
        image: asked.argument("image"),
        ...(to === undefined ? {} : { to: absolutePlace(to) }),
        ...(platforms.length === 0 ? {} : { platforms: [...platforms] }),
      }),
    );
  },
  print: (output, screen) =>
    [
      `${screen.bold(printable(output.image))} ${output.digest}`,
      `${plural(output.packages, "package")}, ${formatBytes(output.bytes)} (${formatBytes(output.bytesUploaded)} written) ` +
        `for ${output.platforms.map(printable).join(", ")} in ${formatSeconds(output.seconds)}`,
      `${output.written.kind}: ${printable(output.written.reference)}`,
      ...output.warnings.map((warning) => screen.yellow(`! ${printable(warning)}`)),
    ].join("\n"),
});
