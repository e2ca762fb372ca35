import { addressOfForge } from "./address-of-forge.ts";
import type { BumpConfig } from "./bump-schema.ts";
import type { Mistake } from "./mistake.ts";
import type { Config } from "./schema.ts";

/** The branch of a repository where the lock files of images are, and how they are changed there. */
export interface BumpSource {
  readonly url: string;
  readonly branch: string;
  /** Where in the repository; the whole of it where that is undefined. */
  readonly subdirectory: string | undefined;
  readonly rules: BumpConfig;
}

/** Where the packages of an image are bumped; undefined where nobody asked for it. */
export function bumpSourceOf(config: Pick<Config, "images">, image: string): BumpSource | undefined {
  const declared = config.images[image];
  const rules = declared?.recipe === "dockerfile" ? declared.bump : undefined;
  if (declared?.recipe !== "dockerfile" || rules === undefined) return undefined;
  const url = rules.url ?? declared.git?.url;
  const branch = rules.branch ?? branchOf(declared.git?.ref);
  if (url === undefined || branch === undefined) return undefined;
  return { url, branch, subdirectory: rules.subdirectory ?? declared.git?.subdirectory, rules };
}

/** What is watched as a branch can be pushed to. */
function branchOf(ref: string | undefined): string | undefined {
  if (ref === undefined || ref === "HEAD") return undefined;
  if (ref.startsWith("refs/heads/")) return ref.slice("refs/heads/".length);
  return ref.startsWith("refs/") || /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(ref) ? undefined : ref;
}

/** A bump needs a repository, a branch, and, for pull requests, the address of its forge. */
export function checkBumps(config: Config): Mistake[] {
  return Object.entries(config.images).flatMap(([name, image]): Mistake[] => {
    const rules = image.recipe === "dockerfile" ? image.bump : undefined;
    if (image.recipe !== "dockerfile" || rules === undefined) return [];
    const path = ["images", name, "bump"];
    const url = rules.url ?? image.git?.url;
    if (url === undefined) return [{ path, message: "it names no repository", hint: "Say `url:` and `branch:`." }];
    if (bumpSourceOf(config, name) === undefined)
      return [{ path, message: "it names no branch that can be pushed to", hint: "Say `branch:`, as `branch: main`." }];
    const { pullRequest: asked } = rules;
    if (asked === undefined || (asked.api !== undefined && asked.repository !== undefined)) return [];
    if (addressOfForge(asked.provider, url) !== undefined) return [];
    return [
      {
        path: [...path, "pullRequest"],
        message: "`url:` names no repository of a forge: say `api:` and `repository:` here",
      },
    ];
  });
}
