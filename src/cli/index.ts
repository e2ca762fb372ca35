export { parseCommandLine, type ParsedCommand } from "./program.ts";
export { createScreen, type Screen } from "./screen.ts";
export type { CommandContext, Outcome } from "./command.ts";
