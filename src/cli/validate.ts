import { readFile } from "node:fs/promises";
import { printable } from "../lib/index.ts";
import type { Validate } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import type { Screen } from "./screen.ts";
import { UsageError } from "./usage-error.ts";
import { plural } from "./wording.ts";

export const validate = command<Validate>({
  usage: "validate [file]",
  summary: "Every mistake of a configuration at once, with line, column and what to do",
  examples: [
    ["tidemill validate", "./tidemill.yaml"],
    ["tidemill validate fleet.yaml --json", "for an editor or CI"],
  ],
  run: async (context, asked) => {
    const name = asked.optional("file") ?? context.options.config ?? "tidemill.yaml";
    const text = await readConfig(name);
    return withConnection(context, ({ operations }) => operations.validate({ name, text }), { stateless: true });
  },
  print: printValidate,
  outcome: (output) => (output.ok ? "ok" : "failed"),
});

async function readConfig(name: string): Promise<string> {
  try {
    return await readFile(name, "utf8");
  } catch (error) {
    throw new UsageError("BAD_USAGE", `${name} cannot be read`, {
      hint: "Name the file: `tidemill validate FILE`.",
      cause: error,
    });
  }
}

function printValidate(output: Validate, screen: Screen): string {
  if (output.ok)
    return screen.green(
      `${printable(output.name)} is right: ${plural(output.images, "image")}, policy ${output.policy ?? ""}.`,
    );
  const lines = output.problems.map((problem) => {
    const place = `${printable(output.name)}:${problem.line}:${problem.column}`;
    const path = problem.path === "" ? "" : `${printable(problem.path)}: `;
    const hint = problem.hint === null ? "" : `\n  ${screen.dim(printable(problem.hint))}`;
    return `${place}: ${path}${screen.red(printable(problem.message))}${hint}`;
  });
  return [...lines, "", screen.red(plural(output.problems.length, "mistake"))].join("\n");
}
