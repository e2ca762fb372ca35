import { Command as Commander } from "commander";
import type { Asked, Command, CommandOption } from "./command.ts";
import { commands } from "./commands.ts";
import { globalOptions } from "./global-options.ts";
import type { AppOptions } from "../operation/index.ts";
import type { Screen } from "./screen.ts";

/** A command line that was understood. */
export interface ParsedCommand {
  readonly command: Command;
  readonly asked: Asked;
  readonly json: boolean;
  readonly options: AppOptions;
}

/**
 * What `argv` (without node and script) asks for; undefined where help or the version was all, which `screen` shows by then.
 * Throws commander's CommanderError where it makes no sense, after saying so on `screen`.
 */
export async function parseCommandLine(
  argv: readonly string[],
  version: string,
  screen: Pick<Screen, "out" | "err">,
): Promise<ParsedCommand | undefined> {
  let parsed: ParsedCommand | undefined;
  const program = new Commander("tidemill")
    .description("Keeps container images fresh, proves it, and says why.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .configureOutput({ writeOut: screen.out, writeErr: screen.err })
    .exitOverride()
    .showHelpAfterError("`tidemill --help` lists the commands.");
  addOptions(program, globalOptions);

  const named = commandName(argv);
  for (const [name, entry] of Object.entries(commands)) {
    const sub = program.command(name).summary(entry.summary).helpGroup(`${entry.group}:`);
    sub.copyInheritedSettings(program);
    if (name !== named) continue;
    const command = await entry.load();
    describeCommand(sub, command);
    sub.action(() => {
      const options = sub.optsWithGlobals<Record<string, unknown>>();
      parsed = {
        command,
        asked: readAsked(sub, options),
        json: options.json === true,
        options: {
          ...(typeof options.config === "string" ? { config: options.config } : {}),
          ...(typeof options.data === "string" ? { data: options.data } : {}),
          ...(typeof options.server === "string" ? { server: options.server } : {}),
        },
      };
    });
  }
  program.addHelpText(
    "after",
    `\nExamples:\n${exampleText([
      ["tidemill quickstart", "see the whole loop on real packages"],
      ["tidemill check registry.example/team/app:1.4", "what of an image is old"],
      ["tidemill scan registry.example/team/app:1.4 --fail-on high", "what is wrong with it, and what cures that"],
      ["tidemill up", "keep the fleet of ./tidemill.yaml fresh"],
      ["tidemill why web", "what led to the digest in production"],
    ])}\nExit status: 0 done, 1 failed, 2 not understood, 3 refused by policy, 4 busy.`,
  );

  if (argv.length === 0) {
    program.outputHelp();
    return undefined;
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof Error && "exitCode" in error && error.exitCode === 0) return undefined;
    throw error;
  }
  return parsed;
}

/** The first word that is neither an option nor the value of one: the command's name, also behind `help`. */
function commandName(argv: readonly string[]): string | undefined {
  const valued = new Set(["-c", "--config", "-d", "--data", "--server"]);
  let skip = false;
  for (const word of argv) {
    if (skip) skip = false;
    else if (valued.has(word)) skip = true;
    else if (!word.startsWith("-") && word !== "help") return word;
  }
  return undefined;
}

function describeCommand(sub: Commander, command: Command): void {
  const [, ...words] = command.usage.split(" ");
  for (const word of words) sub.argument(word);
  sub.description(`${command.summary}.`);
  addOptions(sub, [...(command.options ?? []), ...globalOptions]);
  sub.addHelpText("after", `\nExamples:\n${exampleText(command.examples)}`);
}

function addOptions(target: Commander, options: readonly CommandOption[]): void {
  for (const { flags, description, repeats } of options) {
    if (repeats === true)
      target.option(flags, description, (value: string, before: string[]) => [...before, value], []);
    else target.option(flags, description);
  }
}

function exampleText(examples: Command["examples"]): string {
  return examples.map(([line, purpose]) => `  ${line}\n      ${purpose}`).join("\n");
}

function readAsked(sub: Commander, options: Readonly<Record<string, unknown>>): Asked {
  const values = new Map<string, unknown>();
  sub.registeredArguments.forEach((argument, index) => values.set(argument.name(), sub.processedArgs[index]));
  const option = (name: string) => options[name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
  return {
    argument: (name) => {
      const value = textOf(values.get(name));
      if (value === undefined) throw new Error(`the usage of ${sub.name()} names no argument ${name}`);
      return value;
    },
    optional: (name) => textOf(values.get(name)),
    text: (name) => textOf(option(name)),
    list: (name) => listOf(values.get(name) ?? option(name)),
    flag: (name) => option(name) === true,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
