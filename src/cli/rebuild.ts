import { printable } from "../lib/index.ts";
import type { OperationOutput } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { printRefusal, reasonGiven, reasonOption } from "./decision.ts";

export const rebuild = command<OperationOutput<"rebuild">>({
  usage: "rebuild <image>",
  summary: "Ask for a rebuild; what comes of it is verified and promoted like any other",
  options: [
    { flags: "--with-held", description: "with updates that are held back for breaking its checks, or in cool-down" },
    reasonOption,
  ],
  examples: [
    ["tidemill rebuild web --reason 'drill'", "rebuild web now; what is held back stays out"],
    ["tidemill rebuild web --with-held --reason 'the check was wrong'", "try what was held back once more"],
  ],
  run: async (context, asked) =>
    withConnection(context, ({ operations }) =>
      operations.rebuild({
        image: asked.argument("image"),
        ...(asked.flag("with-held") ? { withHeld: true } : {}),
        by: context.person(),
        reason: reasonGiven(asked),
      }),
    ),
  print: (output, screen) =>
    output.kind === "refused"
      ? printRefusal(output.reasons, screen)
      : [
          `${printable(output.image)}: rebuild ${printable(output.rebuild)} ${output.joined ? "was waiting already" : "is queued"}`,
          ...output.kept.map((one) => `  ${screen.yellow("without")} ${printable(one)}`),
        ].join("\n"),
  outcome: (output) => (output.kind === "refused" ? "refused" : "ok"),
});
