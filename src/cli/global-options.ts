import type { CommandOption } from "./command.ts";

/** What every command understands. */
export const globalOptions: readonly CommandOption[] = [
  { flags: "-c, --config <file>", description: "the fleet (./tidemill.yaml)" },
  { flags: "-d, --data <directory>", description: "where the state lives (./.tidemill)" },
  { flags: "--server <address>", description: "ask this server, with the token of `tidemill login`" },
  { flags: "--json", description: "one JSON document on standard output" },
];
