import { formatBytes, printable } from "../lib/index.ts";
import type { OperationOutput } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { absolutePath } from "./absolute-path.ts";

export const backup = command<OperationOutput<"backup">>({
  usage: "backup <file>",
  summary: "Write a snapshot of the state, also while a server runs",
  examples: [["tidemill backup /srv/backup/tidemill-$(date +%F).tar", "once a day"]],
  run: async (context, asked) => {
    const to = absolutePath(asked.argument("file"));
    return withConnection(context, ({ operations }) => operations.backup({ to }));
  },
  print: (output) => `${printable(output.path)}: ${formatBytes(output.bytes)}, ${printable(output.sha256)}`,
});
