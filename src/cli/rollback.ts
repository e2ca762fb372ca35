import { printable } from "../lib/index.ts";
import type { OperationOutput } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { printRefusal, reasonGiven, reasonOption } from "./decision.ts";
import { parseImageReference } from "./image-reference.ts";
import { showDigest, showSome } from "./wording.ts";

export const rollback = command<OperationOutput<"rollback">>({
  usage: "rollback <image[@digest]> [environment]",
  summary: "Take an environment (the last one) back to a digest that was good there; what it leaves is quarantined",
  options: [reasonOption],
  examples: [
    ["tidemill rollback web --reason 'errors since noon'", "production, to the last good digest"],
    ["tidemill rollback web@3f2a9c01b2de staging", "staging, to a given digest"],
  ],
  run: async (context, asked) => {
    const reference = parseImageReference(asked.argument("image[@digest]"));
    const environment = asked.optional("environment");
    return withConnection(context, ({ operations }) =>
      operations.rollback({
        ...reference,
        ...(environment === undefined ? {} : { environment }),
        by: context.person(),
        reason: reasonGiven(asked),
      }),
    );
  },
  print: (output, screen) => {
    if (output.kind === "refused") return printRefusal(output.reasons, screen);
    const lines = [
      screen.green(
        `${printable(output.image)} in ${printable(output.environment)}: ${showDigest(output.from)} → ${showDigest(output.to)}`,
      ),
      `${showDigest(output.from)} is quarantined; the image holds until a candidate is free of what it brought`,
    ];
    if (output.reopened.length > 0) {
      lines.push(screen.yellow(`open again: ${printable(showSome(output.reopened, 10))}`));
    }
    return lines.join("\n");
  },
  outcome: (output) => (output.kind === "refused" ? "refused" : "ok"),
});
