import { printable } from "../lib/index.ts";
import type { Log } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import type { Screen } from "./screen.ts";
import { showTime } from "./wording.ts";

export const log = command<Log>({
  usage: "log <image>",
  summary: "What the newest build of an image said",
  options: [{ flags: "--rebuild <id>", description: "of this rebuild" }],
  examples: [
    ["tidemill log web", "why did its Dockerfile fail?"],
    ["tidemill log web --json | jq -r '.lines[]'", "its lines alone"],
  ],
  run: async (context, asked) => {
    const rebuild = asked.text("rebuild");
    return withConnection(context, ({ operations }) =>
      operations.log({ image: asked.argument("image"), ...(rebuild === undefined ? {} : { rebuild }) }),
    );
  },
  print: printLog,
});

function printLog({ image, rebuild, state, at, lines }: Log, screen: Screen): string {
  const head = screen.dim(`${printable(image)}: ${state}, built ${showTime(at)} (rebuild ${rebuild})`);
  return [head, ...lines.map((line) => printable(line))].join("\n");
}
