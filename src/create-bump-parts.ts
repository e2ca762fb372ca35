import { join } from "node:path";
import { addressOfForge, type BumpSource } from "./core/config/index.ts";
import { createBumper } from "./io/bump/index.ts";
import { createForge, type Forge } from "./io/forge/index.ts";
import { createBranchWriter, createGit, publicUrl } from "./io/git/index.ts";
import type { BumpParts } from "./loop/context.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** With what packages are bumped in the repositories of a fleet; `dir` is its own folder, `hidden` are those that no package manager looks into. */
export function createBumpParts({
  dir,
  hidden,
  env,
}: {
  readonly dir: string;
  readonly hidden: readonly string[];
  readonly env: Env;
}): BumpParts {
  return {
    git: createGit({ dir: join(dir, "trees"), env }),
    branches: createBranchWriter({ dir: join(dir, "branches"), env }),
    bumper: createBumper({ dir: join(dir, "tools"), env, hidden }),
    forgeOf: (source) => forgeOf(source, env),
    publicUrl,
  };
}

/** What the configuration did not say follows from the address of its repository, or it had passed no validation. */
function forgeOf({ url, rules: { pullRequest } }: BumpSource, env: Env): Forge | undefined {
  if (pullRequest === undefined) return undefined;
  const { provider: kind } = pullRequest;
  const found = addressOfForge(kind, url);
  const api = pullRequest.api ?? found?.api ?? "";
  const repository = pullRequest.repository ?? found?.repository ?? "";
  return createForge({ kind, api, repository, token: env["TIDEMILL_FORGE_TOKEN"] ?? env["TIDEMILL_GIT_TOKEN"] });
}
