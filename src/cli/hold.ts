import { printable, systemClock } from "../lib/index.ts";
import type { HoldView, OperationOutput } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { reasonGiven, reasonOption } from "./decision.ts";
import { parseUntil } from "./parse-until.ts";
import { UsageError } from "./usage-error.ts";
import { showTime } from "./wording.ts";

export const hold = command<OperationOutput<"hold">>({
  usage: "hold [image]",
  summary: "Pause an image, an environment, or everything; only a person lifts it",
  options: [
    { flags: "-e, --environment <name>", description: "only there (everywhere)" },
    { flags: "--all", description: "every image in every environment" },
    { flags: "-u, --until <when>", description: "a length of time (2h, 3d) or a date; without it until resumed" },
    reasonOption,
  ],
  examples: [
    ["tidemill hold web --reason 'release on Friday' --until 3d", "pause one image"],
    ["tidemill hold --environment production --reason freeze", "pause one environment"],
  ],
  run: async (context, asked) => {
    const image = asked.optional("image");
    const environment = asked.text("environment");
    if (image === undefined && environment === undefined && !asked.flag("all")) {
      throw new UsageError("BAD_USAGE", "hold needs an image, --environment, or --all");
    }
    const until = asked.text("until");
    const end = until === undefined ? {} : { until: parseUntil(until, systemClock.now()) };
    return withConnection(context, ({ operations }) =>
      operations.hold({
        ...(image === undefined ? {} : { image }),
        ...(environment === undefined ? {} : { environment }),
        ...end,
        by: context.person(),
        reason: reasonGiven(asked),
      }),
    );
  },
  print: (output) => `On hold: ${describeHold(output.hold)}`,
});

/** A hold as one line: what it covers, and until when. */
export function describeHold(hold: HoldView): string {
  const until = hold.until === null ? "until it is resumed" : `until ${showTime(hold.until)}`;
  return printable(
    `${hold.image ?? "every image"} in ${hold.environment ?? "every environment"} ${until} (${hold.by}: ${hold.reason})`,
  );
}
