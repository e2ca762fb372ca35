import { printable } from "../lib/index.ts";
import type { AuditVerified } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import type { Screen } from "./screen.ts";
import { UsageError } from "./usage-error.ts";
import { readKey } from "./verify.ts";
import { plural } from "./wording.ts";

type Output =
  | { readonly did: "verify"; readonly found: AuditVerified }
  | { readonly did: "export"; readonly lines: readonly string[] };

export const audit = command<Output>({
  usage: "audit <action>",
  summary:
    "The chain of everything that was decided and done: whether it is whole (verify), or all of it as JSON Lines (export)",
  options: [
    {
      flags: "--key <file>",
      description: "with verify: a public key of signed checkpoints (those of the configuration)",
      repeats: true,
    },
    { flags: "--after <row>", description: "with export: only rows after this one" },
  ],
  examples: [
    ["tidemill audit verify", "was a row changed, removed, inserted or moved, and which?"],
    ["tidemill audit export > audit.jsonl", "for an archive that others keep"],
  ],
  run: async (context, asked) => {
    const action = asked.argument("action");
    if (action !== "verify" && action !== "export")
      throw new UsageError("BAD_USAGE", `audit ${action}: there is no such action`, {
        hint: "Known are verify, export.",
      });
    if (action === "verify") {
      const keys = await Promise.all(asked.list("key").map(readKey));
      return withConnection(context, async ({ operations }): Promise<Output> => ({
        did: "verify",
        found: await operations.auditVerify({ keys }),
      }));
    }
    const from = asked.text("after") ?? "0";
    if (!/^\d{1,15}$/.test(from)) throw new UsageError("BAD_USAGE", `--after ${from}: not the number of a row`);
    return withConnection(context, async ({ operations }): Promise<Output> => {
      const kept: string[] = [];
      for (let after: number | null = Number(from); after !== null;) {
        const page: { lines: string[]; next: number | null } = await operations.auditExport({ after });
        // A long chain is not kept in memory for the sake of its last line's end.
        if (!context.json && page.next !== null) context.screen.out(`${page.lines.join("\n")}\n`);
        else kept.push(...page.lines);
        after = page.next;
      }
      return { did: "export", lines: kept };
    });
  },
  json: (output) => (output.did === "verify" ? output.found : output.lines.map((line): unknown => JSON.parse(line))),
  print: (output, screen) => (output.did === "verify" ? printVerified(output.found, screen) : output.lines.join("\n")),
  outcome: (output) => (output.did === "verify" && output.found.verdict === "broken" ? "refused" : "ok"),
});

function printVerified({ verdict, rows, row, reason, hash, checkpoints }: AuditVerified, screen: Screen): string {
  const { valid, through, unknown } = checkpoints;
  const signed = [
    valid === 0
      ? "No checkpoint is signed by a key that is known here."
      : `${plural(valid, "signed checkpoint")}, the last of row ${through ?? 0}.`,
    ...(unknown === 0 ? [] : [`${plural(unknown, "checkpoint")} by keys that do not count here.`]),
  ];
  if (verdict === "broken")
    return [`${screen.red("BROKEN")} at row ${row ?? 0}: ${printable(reason ?? "")}`, ...signed].join("\n");
  return [`${screen.green("INTACT")} ${plural(rows, "row")}, the last is ${hash}`, ...signed].join("\n");
}
