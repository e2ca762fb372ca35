import { printable, systemClock } from "../lib/index.ts";
import { role, type Role, type TokenView } from "../operation/index.ts";
import { command, withConnection, type Asked } from "./command.ts";
import { reasonGiven, reasonOption } from "./decision.ts";
import { parseUntil } from "./parse-until.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { UsageError } from "./usage-error.ts";
import { showTime } from "./wording.ts";

interface Output {
  readonly did: "created" | "listed" | "revoked";
  readonly tokens: readonly TokenView[];
  /** Of one that was just made. */
  readonly secret?: string;
}

export const token = command<Output>({
  usage: "token <action> [name]",
  summary:
    "Tokens by which programs and people reach a server: make one (create NAME), see them (list), end one (revoke NAME)",
  options: [
    { flags: "--role <role>", description: `${role.options.join(", ")} (viewer); several may be given`, repeats: true },
    {
      flags: "--label <label>",
      description: "only images that bear it, as team=payments (every image); several may be given",
      repeats: true,
    },
    { flags: "--person <name>", description: "in whose name it acts; without it a program, recorded as token:NAME" },
    { flags: "-u, --until <when>", description: "a length of time or a date, at most 366 days away (90d)" },
    reasonOption,
  ],
  examples: [
    ["tidemill token create ci --role operator --label team=payments --until 30d", "for a pipeline of one team"],
    ["tidemill token create ada --role approver --person ada", "approves in her name"],
    ["tidemill token list", "whose they are, until when, last used when"],
    ["tidemill token revoke ci --reason 'seen in a log'", "ends it at once"],
  ],
  run: (context, asked) => {
    const action = asked.argument("action");
    const name = asked.optional("name");
    return withConnection(context, async ({ operations }): Promise<Output> => {
      if (action === "list") return { did: "listed", ...(await operations.tokenList({})) };
      if (action !== "create" && action !== "revoke")
        throw new UsageError("BAD_USAGE", `token ${action}: there is no such action`, {
          hint: "Known are create, list, revoke.",
        });
      if (name === undefined) throw new UsageError("BAD_USAGE", `token ${action} needs a name`);
      const by = context.person();
      if (action === "revoke") {
        const revoked = await operations.tokenRevoke({ token: name, by, reason: reasonGiven(asked) });
        return { did: "revoked", tokens: [revoked.token] };
      }
      const { token: made, secret } = await operations.tokenCreate({ name, ...tokenOf(asked), by });
      return { did: "created", tokens: [made], secret };
    });
  },
  json: ({ did, tokens, secret }) => (secret === undefined ? { [did]: tokens } : { [did]: tokens, secret }),
  print: ({ did, tokens, secret }, screen) => {
    if (tokens.length === 0) return "There are no tokens.";
    const table = tableOf(tokens, screen);
    if (secret === undefined) return did === "listed" ? table : `Revoked:\n${table}`;
    return `${table}\n\n${secret}\n\nThis is shown once and kept nowhere.`;
  },
});

function tokenOf(asked: Asked) {
  const person = asked.text("person");
  const until = parseUntil(asked.text("until") ?? "90d", systemClock.now());
  return {
    roles: asked.list("role").length === 0 ? (["viewer"] satisfies Role[]) : asked.list("role").map(roleOf),
    labels: [...asked.list("label")],
    expiresAt: until,
    ...(person === undefined ? {} : { person }),
  };
}

function roleOf(text: string): Role {
  const parsed = role.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new UsageError("BAD_USAGE", `--role ${text}: there is no such role`, {
    hint: `One of ${role.options.join(", ")}.`,
  });
}

function tableOf(tokens: readonly TokenView[], screen: Screen): string {
  const columns = [
    { title: "ID" },
    { title: "NAME", flexible: true },
    { title: "PERSON", flexible: true },
    { title: "ROLES" },
    { title: "LABELS", flexible: true },
    { title: "UNTIL" },
    { title: "LAST USED" },
    { title: "BY", flexible: true },
  ];
  return renderTable(
    columns,
    tokens.map((one) => [
      one.id,
      one.name,
      printable(one.person ?? "–"),
      one.roles.join(","),
      printable(one.labels.length === 0 ? "every image" : one.labels.join(",")),
      one.state === "active" ? showTime(one.expiresAt) : { text: one.state, paint: screen.yellow },
      one.lastUsedAt === null ? "never" : showTime(one.lastUsedAt),
      printable(one.createdBy),
    ]),
    screen,
  );
}
