#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { userInfo } from "node:os";
import type { CommandContext, ParsedCommand, Screen } from "./cli/index.ts";

/** What a command's end or an error's code means to a shell; a code that is not named here is 1. */
const exitStatus = { ok: 0, failed: 1, usage: 2, refused: 3, busy: 4 } as const;

const statusOfCode: Readonly<Record<string, keyof typeof exitStatus>> = {
  BAD_USAGE: "usage",
  BAD_INPUT: "usage",
  NOT_FOUND: "usage",
  IMAGE_NOT_FOUND: "usage",
  PLATFORM_NOT_FOUND: "usage",
  NO_PLATFORM: "usage",
  BAD_REFERENCE: "usage",
  BAD_PLATFORM: "usage",
  BAD_DIGEST: "usage",
  UNSUPPORTED: "usage",
  CONFIG_MISSING: "usage",
  CONFIG_INVALID: "usage",
  NO_SUCH_IMAGE: "usage",
  NO_MIRROR: "failed",
  NO_PACKAGES: "failed",
  UNSATISFIABLE: "failed",
  REFUSED: "refused",
  UNAUTHORIZED: "refused",
  NOT_LOGGED_IN: "refused",
  BAD_SERVER: "usage",
  ROLE_MISSING: "refused",
  OUT_OF_SCOPE: "refused",
  BUSY: "busy",
  LOCKED: "busy",
};

// The cache of compiled code only holds what is imported after it was switched on.
enableCompileCache();
const { createScreen, parseCommandLine } = await import("./cli/index.ts");
const { readVersion } = await import("./version.ts");

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader went away (`| head`): nobody is left to tell.
  if (error.code === "EPIPE") process.exit(exitStatus.ok);
  throw error;
});
process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const screen = createScreen({ out: process.stdout, err: process.stderr }, process.env);
  let parsed: ParsedCommand | undefined;
  try {
    parsed = await parseCommandLine(argv, readVersion(), screen);
  } catch (error) {
    if (codeOf(error)?.startsWith("commander.") === true) return exitStatus.usage;
    throw error;
  }
  if (parsed === undefined) return exitStatus.ok;

  const { command, asked, json } = parsed;
  let stop: AbortSignal | undefined;
  const context: CommandContext = {
    screen,
    json,
    options: parsed.options,
    load: () => import("./app.ts"),
    get stop() {
      return (stop ??= stopSignal());
    },
    person: () => userInfo().username,
  };
  try {
    const output = await command.run(context, asked);
    if (json) screen.out(`${JSON.stringify(command.json?.(output) ?? output)}\n`);
    else screen.out(`${command.print(output, screen)}\n`);
    await command.after?.(output, context, asked);
    return exitStatus[command.outcome?.(output) ?? "ok"];
  } catch (error) {
    await reportError(error, json, screen);
    return exitStatus[statusOfCode[codeOf(error) ?? ""] ?? "failed"];
  }
}

/** Aborted by the first Ctrl-C or SIGTERM; the second ends the process where it stands, which it survives. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(exitStatus.failed);
      stopping.abort();
    });
  }
  return stopping.signal;
}

/** The error for people on standard error, and with `--json` as a document on standard output as well. */
async function reportError(error: unknown, json: boolean, screen: Screen): Promise<void> {
  const { printable } = await import("./lib/index.ts");
  const code = codeOf(error) ?? "INTERNAL";
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Error && "hint" in error && typeof error.hint === "string" ? error.hint : null;
  if (json) screen.out(`${JSON.stringify({ error: { code, message, hint } })}\n`);
  // A configuration's mistakes are one a line.
  screen.err(`${screen.red(code)} ${message.split("\n").map(printable).join("\n")}\n`);
  if (hint !== null) screen.err(`  ${printable(hint)}\n`);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
