import { printable } from "../lib/index.ts";
import type { OperationOutput } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { printRefusal, reasonGiven, reasonOption } from "./decision.ts";
import { parseSpan } from "./parse-until.ts";
import type { Screen } from "./screen.ts";
import { waitForRebuild, type RebuildItem } from "./wait-for-rebuild.ts";
import { showDigest } from "./wording.ts";

/** What was asked for and, where it was waited for, what came of it. */
type Output = OperationOutput<"rebuild"> & { readonly ended?: RebuildItem };

export const rebuild = command<Output>({
  usage: "rebuild <image>",
  summary: "Ask for a rebuild; what comes of it is verified and promoted like any other",
  options: [
    { flags: "--with-held", description: "with updates that are held back for breaking its checks, or in cool-down" },
    { flags: "-w, --wait", description: "until it is in every environment, changed nothing, or failed" },
    { flags: "--timeout <span>", description: "wait no longer than this (1h)" },
    reasonOption,
  ],
  examples: [
    ["tidemill rebuild web --reason 'drill'", "rebuild web now; what is held back stays out"],
    ["tidemill rebuild web --with-held --reason 'the check was wrong'", "try what was held back once more"],
    ["tidemill rebuild web --wait --timeout 30m", "in a pipeline: status 1 where it failed, or takes longer"],
  ],
  run: async (context, asked) => {
    const timeoutMs = parseSpan("--timeout", asked.text("timeout") ?? "1h");
    return withConnection(context, async (connection): Promise<Output> => {
      const output = await connection.operations.rebuild({
        image: asked.argument("image"),
        ...(asked.flag("with-held") ? { withHeld: true } : {}),
        by: context.person(),
        reason: reasonGiven(asked),
      });
      if (output.kind === "refused" || !asked.flag("wait")) return output;
      return { ...output, ended: await waitForRebuild(connection, output, context, timeoutMs) };
    });
  },
  print: (output, screen) => {
    if (output.kind === "refused") return printRefusal(output.reasons, screen);
    const { image, joined, kept, ended } = output;
    const queued = `${printable(image)}: rebuild ${printable(output.rebuild)} ${joined ? "was waiting already" : "is queued"}`;
    return [
      ended === undefined ? queued : printEnd(ended, screen),
      ...kept.map((one) => `  ${screen.yellow("without")} ${printable(one)}`),
    ].join("\n");
  },
  outcome: (output) => {
    if (output.kind === "refused") return "refused";
    return output.ended?.state === "failed" ? "failed" : "ok";
  },
});

function printEnd({ image, state, candidate, failure }: RebuildItem, screen: Screen): string {
  const name = printable(image);
  if (state === "promoted") return screen.green(`${name}: ${showDigest(candidate)} is in every environment`);
  if (state === "unchanged") return `${name}: nothing changed`;
  return `${screen.red(`${name}: ${state}`)}${failure === null ? "" : `: ${printable(failure.message)}`}`;
}
