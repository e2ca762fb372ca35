import { createGitea } from "./gitea.ts";
import { createGithub } from "./github.ts";
import { createGitlab } from "./gitlab.ts";
import type { Forge, ForgeOptions } from "./types.ts";

/** Every kind of forge. Another one is: a file, a line here, a value in the schema, a test. */
const forges: Readonly<Record<Forge["kind"], (options: ForgeOptions) => Forge>> = {
  github: createGithub,
  gitlab: createGitlab,
  gitea: createGitea,
};

/** The pull requests of a repository. */
export function createForge(options: ForgeOptions): Forge {
  return forges[options.kind](options);
}
