import type { OperationOutput } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { reasonGiven, reasonOption } from "./decision.ts";
import { describeHold } from "./hold.ts";
import { UsageError } from "./usage-error.ts";

export const resume = command<OperationOutput<"resume">>({
  usage: "resume [image]",
  summary: "Lift the hold on an image, an environment, or everything",
  options: [
    { flags: "-e, --environment <name>", description: "the hold that names this environment" },
    { flags: "--all", description: "the hold on everything" },
    reasonOption,
  ],
  examples: [["tidemill resume web", "lift the hold that names web"]],
  run: async (context, asked) => {
    const image = asked.optional("image");
    const environment = asked.text("environment");
    if (image === undefined && environment === undefined && !asked.flag("all")) {
      throw new UsageError("BAD_USAGE", "resume needs an image, --environment, or --all");
    }
    return withConnection(context, ({ operations }) =>
      operations.resume({
        ...(image === undefined ? {} : { image }),
        ...(environment === undefined ? {} : { environment }),
        by: context.person(),
        reason: reasonGiven(asked),
      }),
    );
  },
  print: (output) =>
    output.lifted.length === 0
      ? "There was no such hold; `tidemill status` lists them."
      : output.lifted.map((lifted) => `Lifted: ${describeHold(lifted)}`).join("\n"),
});
