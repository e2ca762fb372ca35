import { printable } from "../lib/index.ts";
import type { OperationOutput } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import type { Screen } from "./screen.ts";
import { UsageError } from "./usage-error.ts";
import { plural } from "./wording.ts";

type Output = OperationOutput<"notifyTest"> | OperationOutput<"notifyResend">;

export const notify = command<Output>({
  usage: "notify <action> [receiver]",
  summary: "Send a test to those who are told (test), or try again what they did not take (resend)",
  examples: [
    ["tidemill notify test", "what each receiver answers"],
    ["tidemill notify test chat", "one of them"],
    ["tidemill notify resend", "what was given up while a receiver was away"],
  ],
  run: (context, asked) => {
    const action = asked.argument("action");
    const receiver = asked.optional("receiver");
    const named = receiver === undefined ? {} : { receiver };
    if (action !== "test" && action !== "resend")
      throw new UsageError("BAD_USAGE", `notify ${action}: there is no such action`, {
        hint: "Known are test, resend.",
      });
    return withConnection(context, async ({ operations }): Promise<Output> =>
      action === "test" ? operations.notifyTest(named) : operations.notifyResend(named),
    );
  },
  print: printNotify,
  outcome: (output) => ("results" in output && output.results.some(({ told }) => !told) ? "failed" : "ok"),
});

function printNotify(output: Output, screen: Screen): string {
  if ("again" in output)
    return output.again === 0 ? "Nothing was given up." : `${plural(output.again, "notification")} tried again.`;
  if (output.results.length === 0) return "Nobody is told: `notifications:` of the configuration names no receiver.";
  const width = Math.max(...output.results.map(({ receiver }) => receiver.length));
  return output.results
    .map(({ receiver, told, detail }) => {
      const mark = told ? screen.green("told") : screen.red("not ");
      return `${mark}  ${printable(receiver).padEnd(width)}  ${printable(detail)}`;
    })
    .join("\n");
}
