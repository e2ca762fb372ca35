import { printable } from "../lib/index.ts";
import type { Looked } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";

export const look = command<Looked>({
  usage: "look [reference]",
  summary: "Look at the upstreams now, and go on with what is new",
  examples: [
    ["tidemill look", "at all of them"],
    ["tidemill look docker.io/library/debian:12", "it was pushed just now: ask its registry anew"],
  ],
  run: async (context, asked) => {
    const reference = asked.optional("reference");
    return withConnection(context, ({ operations }) =>
      operations.look({ references: reference === undefined ? [] : [reference] }),
    );
  },
  print: ({ references }) =>
    references.length === 0
      ? "The upstreams were looked at."
      : `The upstreams were looked at, ${references.map((one) => printable(one)).join(", ")} anew.`,
});
