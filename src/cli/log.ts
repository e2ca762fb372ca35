import { printable } from "../lib/index.ts";
import { parseImageReference } from "./image-reference.ts";
import { UsageError } from "./usage-error.ts";
import type { Log } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import type { Screen } from "./screen.ts";
import { showTime } from "./wording.ts";

export const log = command<Log>({
  usage: "log <image[@digest]>",
  summary: "What the newest build of an image said, or a check of its candidate",
  options: [
    { flags: "--rebuild <id>", description: "of this rebuild" },
    { flags: "--check <name>", description: "what this check said, in place of the build" },
    { flags: "-e, --environment <name>", description: "of a check: for this environment" },
  ],
  examples: [
    ["tidemill log web", "why did its Dockerfile fail?"],
    ["tidemill log web@3f2a --check answers", "why did that candidate not come into staging?"],
    ["tidemill log web --json | jq -r '.lines[]'", "its lines alone"],
  ],
  run: async (context, asked) => {
    const rebuild = asked.text("rebuild");
    const check = asked.text("check");
    const environment = asked.text("environment");
    const { image, digest } = parseImageReference(asked.argument("image[@digest]"));
    if (check === undefined && (digest !== undefined || environment !== undefined))
      throw new UsageError("BAD_USAGE", "a digest and an environment are of a check: name it by --check", {
        hint: `\`tidemill why ${image}\` names the checks.`,
      });
    return withConnection(context, ({ operations }) =>
      operations.log({
        image,
        ...(rebuild === undefined ? {} : { rebuild }),
        ...(check === undefined ? {} : { check }),
        ...(digest === undefined ? {} : { digest }),
        ...(environment === undefined ? {} : { environment }),
      }),
    );
  },
  print: printLog,
});

function printLog({ image, rebuild, state, at, lines, check }: Log, screen: Screen): string {
  const what =
    check === null
      ? `${state}, built ${showTime(at)} (rebuild ${rebuild})`
      : `${printable(check.name)} ${state} for ${printable(check.environment)}, ${showTime(at)} (${check.digest})`;
  const head = screen.dim(`${printable(image)}: ${what}`);
  return [head, ...lines.map((line) => printable(line))].join("\n");
}
