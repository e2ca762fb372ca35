import { printable } from "../lib/index.ts";
import type { Asked, CommandOption } from "./command.ts";
import type { Screen } from "./screen.ts";

/** The option by which a person says why; it is kept with the decision. */
export const reasonOption: CommandOption = {
  flags: "-r, --reason <text>",
  description: "why, for the record",
};

/** The reason that was given, or that none was. */
export function reasonGiven(asked: Asked): string {
  return asked.text("reason") ?? "no reason given";
}

/** What was refused, and each reason on a line of its own. */
export function printRefusal(reasons: readonly string[], screen: Screen): string {
  return [screen.red("Refused:"), ...reasons.map((reason) => `  ${printable(reason)}`)].join("\n");
}
