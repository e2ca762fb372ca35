import { printable } from "../lib/index.ts";
import type { OperationOutput } from "../operation/index.ts";
import { command, withConnection, type Asked, type CommandContext } from "./command.ts";
import { printRefusal, reasonGiven, reasonOption } from "./decision.ts";
import { parseImageReference } from "./image-reference.ts";
import type { Screen } from "./screen.ts";
import { UsageError } from "./usage-error.ts";
import { showDigest } from "./wording.ts";

type Decided = OperationOutput<"approve">;

const options = [
  { flags: "--digest <digest>", description: "which one, or how it begins (the candidate that is on its way)" },
  { flags: "--by <name>", description: "who decides (you)" },
  reasonOption,
];
const outcome = (output: Decided) => (output.kind === "refused" ? ("refused" as const) : ("ok" as const));

export const approve = command<Decided>({
  usage: "approve <image[@digest]> <environment>",
  summary: "Say that a digest may come to an environment that wants approvals; of that digest only",
  options,
  examples: [
    ["tidemill approve web production --reason 'tried it on staging'", "the candidate that is on its way"],
    ["tidemill approve web@3f2a9c01b2de production --by ada --reason reviewed", "one digest"],
  ],
  run: (context, asked) =>
    withConnection(context, ({ operations }) => operations.approve(requestOf(context, asked, reasonGiven(asked)))),
  print: (output, screen) => printDecided(output, screen),
  outcome,
});

export const reject = command<Decided>({
  usage: "reject <image[@digest]> <environment>",
  summary: "Say that a digest must not come to an environment: it is quarantined with what it would have brought",
  options,
  examples: [["tidemill reject web production --reason 'the new menu is empty'", "the candidate that is on its way"]],
  run: (context, asked) => {
    const reason = asked.text("reason");
    if (reason === undefined)
      throw new UsageError("BAD_USAGE", "reject needs --reason", { hint: "Say why: the record keeps it." });
    return withConnection(context, ({ operations }) => operations.reject(requestOf(context, asked, reason)));
  },
  print: (output, screen) => printDecided(output, screen),
  outcome,
});

function requestOf(context: Pick<CommandContext, "person">, asked: Asked, reason: string) {
  const { image, digest = asked.text("digest") } = parseImageReference(asked.argument("image[@digest]"));
  return {
    image,
    ...(digest === undefined ? {} : { digest }),
    environment: asked.argument("environment"),
    by: asked.text("by") ?? context.person(),
    reason,
  };
}

function printDecided(output: Decided, screen: Screen): string {
  if (output.kind === "refused") return printRefusal(output.reasons, screen);
  const what = `${printable(output.image)} ${showDigest(output.digest)} ${output.kind} for ${printable(output.environment)}`;
  if (output.kind === "rejected") return `${what}; it is quarantined with what it would have brought`;
  return screen.green(`${what}: ${output.approvals} of ${output.wanted}`);
}
