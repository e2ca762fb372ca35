import { printable } from "../lib/index.ts";
import type { SessionView } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { reasonGiven, reasonOption } from "./decision.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { UsageError } from "./usage-error.ts";
import { showTime } from "./wording.ts";

interface Output {
  readonly did: "listed" | "revoked";
  readonly sessions: readonly SessionView[];
}

export const session = command<Output>({
  usage: "session <action> [who]",
  summary: "People who logged in by a browser: see their sessions (list), end one, or all of a person (revoke WHO)",
  options: [reasonOption],
  examples: [
    ["tidemill session list", "who is logged in, with which roles, until when"],
    ["tidemill session revoke ada@example.org --reason 'has left'", "ends all of hers at once"],
  ],
  run: (context, asked) => {
    const action = asked.argument("action");
    const who = asked.optional("who");
    return withConnection(context, async ({ operations }): Promise<Output> => {
      if (action === "list") return { did: "listed", ...(await operations.sessionList({})) };
      if (action !== "revoke")
        throw new UsageError("BAD_USAGE", `session ${action}: there is no such action`, {
          hint: "Known are list, revoke.",
        });
      if (who === undefined) throw new UsageError("BAD_USAGE", "session revoke needs an id or a person's name");
      const by = context.person();
      return {
        did: "revoked",
        ...(await operations.sessionRevoke({ session: who, by, reason: reasonGiven(asked) })),
      };
    });
  },
  json: ({ did, sessions }) => ({ [did]: sessions }),
  print: ({ did, sessions }, screen) => {
    if (sessions.length === 0) return "Nobody is logged in.";
    return did === "listed" ? tableOf(sessions, screen) : `Ended:\n${tableOf(sessions, screen)}`;
  },
});

function tableOf(sessions: readonly SessionView[], screen: Screen): string {
  const columns = [
    { title: "ID" },
    { title: "WHO", flexible: true },
    { title: "ROLES" },
    { title: "LABELS", flexible: true },
    { title: "SINCE" },
    { title: "LAST USED" },
    { title: "UNTIL" },
  ];
  return renderTable(
    columns,
    sessions.map((one) => [
      one.id,
      printable(one.name),
      one.roles.join(","),
      printable(one.labels.length === 0 ? "every image" : one.labels.join(",")),
      showTime(one.since),
      showTime(one.lastUsedAt),
      showTime(one.expiresAt),
    ]),
    screen,
  );
}
