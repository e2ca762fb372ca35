import { printable } from "../lib/index.ts";
import type { OperationOutput } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { printRefusal, reasonGiven, reasonOption } from "./decision.ts";
import { parseImageReference } from "./image-reference.ts";
import { showDigest } from "./wording.ts";

export const promote = command<OperationOutput<"promote">>({
  usage: "promote <image[@digest]> <environment>",
  summary: "Move an environment to a digest that is proven for it",
  options: [reasonOption],
  examples: [
    ["tidemill promote web production", "the newest candidate that passed before it"],
    ["tidemill promote web@3f2a9c01b2de staging", "one digest"],
  ],
  run: async (context, asked) => {
    const reference = parseImageReference(asked.argument("image[@digest]"));
    return withConnection(context, ({ operations }) =>
      operations.promote({
        ...reference,
        environment: asked.argument("environment"),
        by: context.person(),
        reason: reasonGiven(asked),
      }),
    );
  },
  print: (output, screen) => {
    if (output.kind === "refused") return printRefusal(output.reasons, screen);
    const place = `${printable(output.image)} in ${printable(output.environment)}`;
    if (output.kind === "unchanged") return `${place}: ${showDigest(output.to)} runs there already`;
    return screen.green(`${place}: ${showDigest(output.from)} → ${showDigest(output.to)}`);
  },
  outcome: (output) => (output.kind === "refused" ? "refused" : "ok"),
});
