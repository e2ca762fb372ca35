import { printable } from "../lib/index.ts";
import type { OperationOutput } from "../operation/index.ts";
import { absolutePath } from "./absolute-path.ts";
import { command, withConnection } from "./command.ts";
import { showTime } from "./wording.ts";

export const restore = command<OperationOutput<"restore">>({
  usage: "restore <file>",
  summary: "Put a snapshot back; what the audit file and the registries know beyond it is reconciled",
  examples: [["tidemill restore /srv/backup/tidemill-2026-11-23.tar", "with the server stopped"]],
  run: async (context, asked) => {
    const from = absolutePath(asked.argument("file"));
    return withConnection(context, ({ operations }) => operations.restore({ from }));
  },
  print: (output) =>
    [
      `Restored ${printable(output.path)} of ${showTime(output.at)}.`,
      ...output.reconciled.map((line) => `  ${printable(line)}`),
    ].join("\n"),
});
