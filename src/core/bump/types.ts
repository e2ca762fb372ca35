import type { NamedFinding } from "../remedy/index.ts";

/** Kinds of packages that are bumped in their source. Another one is: a value here, a tool in io/bump, a test. */
export const bumpTypes = ["npm", "golang", "pypi", "maven"] as const;
export type BumpType = (typeof bumpTypes)[number];

/** Programs that change lock files, as they are called for people. */
export const bumpPrograms = ["npm", "go", "uv", "pip", "pip-compile", "mvn", "docker"] as const;

/** A version that a lock file settles, and the one that is to be in its place. */
export interface BumpMove {
  readonly from: string;
  readonly to: string;
}

/** What a bump closes, for people. */
export interface BumpFinding extends NamedFinding {
  readonly image: string;
}

/** A package of a source that is to be another version, as the findings of its images want it. */
export interface WantedBump {
  readonly type: BumpType;
  readonly package: string;
  /** One for each version that is installed, the lowest first. */
  readonly moves: readonly BumpMove[];
  /** The worst first. */
  readonly findings: readonly BumpFinding[];
}

/** A package of one lock file that is to be another version there. */
export interface LockedBump extends WantedBump {
  /** The lock file, from the top of the repository. */
  readonly file: string;
}
