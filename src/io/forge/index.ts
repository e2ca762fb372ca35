export { createForge } from "./create-forge.ts";
export { ForgeError } from "./error.ts";
export type { Branches, Forge, ForgeOptions, PullRequest, PullRequestText } from "./types.ts";
