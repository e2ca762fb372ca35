import { isPlainName, isPlainVersion } from "../content/content-recogniser.ts";
import type { PackageType } from "../types.ts";

/** A version that a lock file, or a file that pins like one, settles. It says nothing of what is installed anywhere. */
export interface LockedPackage {
  readonly type: PackageType;
  readonly name: string;
  readonly version: string;
}

export interface LockFile {
  /** Each once, in the file's order. */
  readonly packages: readonly LockedPackage[];
  /** What could not be understood, or is not settled, one sentence each. */
  readonly problems: readonly string[];
}

/** Reads one format of lock files: tells `found` of each package, and `say` of what it cannot understand. May throw where the text is no such file. */
export type LockParser = (text: string, found: FoundLocked, say: (problem: string) => void) => void;
export type FoundLocked = (name: string, version: string) => void;

const maxPackages = 200_000;
const maxProblems = 50;

/** What `parser` finds in `text`, as packages of `type`: names and versions that are none are said to be so. */
export function collectLocked(type: PackageType, parser: LockParser, text: string): LockFile {
  const packages = new Map<string, LockedPackage>();
  const problems = new Set<string>();
  const say = (problem: string): void => {
    if (problems.size < maxProblems) problems.add(problem);
  };
  try {
    parser(
      text,
      (name, version) => {
        if (!isPlainName(name) || !isPlainVersion(version))
          return say("it names a package without a proper name or version");
        if (packages.size >= maxPackages) return say(`it names more than ${maxPackages} packages`);
        packages.set(`${name} ${version}`, { type, name, version });
      },
      say,
    );
  } catch {
    say("it is not in the format that its name says");
  }
  return { packages: [...packages.values()], problems: [...problems] };
}

/** The object at `key` of another, or none: names from outside are never looked for in prototypes. */
export function objectAt(value: unknown, key: string): Readonly<Record<string, unknown>> | undefined {
  const found = fieldOf(value, key);
  return typeof found === "object" && found !== null && !Array.isArray(found)
    ? (found as Readonly<Record<string, unknown>>)
    : undefined;
}

export function textAt(value: unknown, key: string): string | undefined {
  const found = fieldOf(value, key);
  return typeof found === "string" ? found : undefined;
}

export function fieldOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
