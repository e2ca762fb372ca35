import type { AppApi, AppOptions, Connection, ProgressListener } from "../operation/index.ts";
import type { Screen } from "./screen.ts";

/** What a command is given to work with. */
export interface CommandContext {
  readonly screen: Screen;
  readonly json: boolean;
  readonly options: AppOptions;
  /** Loads the wiring, which costs more than everything else here: called by commands that need it, once. */
  load(): Promise<AppApi>;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly stop: AbortSignal;
  /** Who asks, for the record. */
  person(): string;
}

/** What the user typed after the command's name. */
export interface Asked {
  /** An argument that the usage demands. */
  argument(name: string): string;
  /** An argument that may be left out. */
  optional(name: string): string | undefined;
  text(option: string): string | undefined;
  list(option: string): readonly string[];
  flag(option: string): boolean;
}

/** How a command that answered ended; main.ts makes an exit status of it. */
export type Outcome = "ok" | "failed" | "refused";

export interface CommandOption {
  /** As commander writes it: `-e, --environment <name>`; a value that may be repeated ends in `...`. */
  readonly flags: string;
  readonly description: string;
  /** May be given several times, a value each: unlike one that ends in `...` it leaves the words after its value alone. */
  readonly repeats?: boolean;
}

/** One command: it returns data, and says how the data is read by people. */
export interface Command<Output = unknown> {
  /** `why <image[@digest]>`: name, then arguments. */
  readonly usage: string;
  readonly summary: string;
  readonly options?: readonly CommandOption[];
  /** Command line and what it is for. */
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  run(context: CommandContext, asked: Asked): Promise<Output>;
  /** The data as text for people. */
  print(output: Output, screen: Screen): string;
  /** What `--json` prints, where it is less than all that `print` needs. */
  json?(output: Output): unknown;
  /** What goes on once the output is printed: a server that runs until it is stopped. */
  after?(output: Output, context: CommandContext, asked: Asked): Promise<void>;
  outcome?(output: Output): Outcome;
}

/** A command whose parts agree on one type of output. */
export function command<Output>(definition: Command<Output>): Command<Output> {
  return definition;
}

/** Asks `question` of a connection that is closed whatever happens. */
export async function withConnection<T>(
  context: CommandContext,
  question: (connection: Connection) => Promise<T>,
  extra: { readonly stateless?: boolean; readonly onEvent?: ProgressListener } = {},
): Promise<T> {
  const app = await context.load();
  const connection = await app.connectApp({ ...context.options, ...extra });
  try {
    return await question(connection);
  } finally {
    await connection.close();
  }
}
