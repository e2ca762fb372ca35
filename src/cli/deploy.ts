import { printable } from "../lib/index.ts";
import type { OperationOutput } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { printRefusal, reasonGiven, reasonOption } from "./decision.ts";
import { showDigest } from "./wording.ts";

export const deploy = command<OperationOutput<"deploy">>({
  usage: "deploy <image> <environment>",
  summary: "Have the running systems use what an environment names, whatever they run now",
  options: [{ flags: "--dry-run", description: "say what would be done, and do nothing" }, reasonOption],
  examples: [
    ["tidemill deploy web production", "replaces what somebody else made it run"],
    ["tidemill deploy web production --dry-run", "what that would do"],
  ],
  run: (context, asked) =>
    withConnection(context, ({ operations }) =>
      operations.deploy({
        image: asked.argument("image"),
        environment: asked.argument("environment"),
        dryRun: asked.flag("dryRun"),
        by: context.person(),
        reason: reasonGiven(asked),
      }),
    ),
  print: (output, screen) => {
    if (output.kind === "refused") return printRefusal(output.reasons, screen);
    const place = `${printable(output.image)} in ${printable(output.environment)}`;
    const head = `${place}: ${showDigest(output.digest)}`;
    if (output.kind === "planned")
      return [
        head,
        ...output.deployments.flatMap(({ name, steps, problem }) => [
          `  ${printable(name)}`,
          ...steps.map((step) => `    ${printable(step)}`),
          ...(problem === null ? [] : [`    ${screen.red(printable(problem))}`]),
        ]),
      ].join("\n");
    const states = output.deployments.map(({ name, runs, waiting }) => {
      const state = runs ? screen.green("runs") : screen.yellow(printable(waiting ?? "under way"));
      return `  ${printable(name)}: ${state}`;
    });
    return [output.kind === "unchanged" ? `${head} runs there already` : head, ...states].join("\n");
  },
  outcome: (output) => (output.kind === "refused" ? "refused" : "ok"),
});
