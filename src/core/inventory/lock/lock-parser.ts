import { isPlainName, isPlainVersion } from "../content/content-recogniser.ts";
import type { PackageType } from "../types.ts";

/** A version that a lock file, or a file that pins like one, settles. It says nothing of what is installed anywhere. */
export interface LockedPackage {
  readonly type: PackageType;
  readonly name: string;
  readonly version: string;
}

/** Who asks for what a lock file settles, as far as it says. */
export interface LockRequest {
  /** `express@4.17.1`, or the name of the project. */
  readonly by: string;
  /** As it is written. */
  readonly range: string;
  /** Under which circumstances: a marker of Python. */
  readonly when?: string;
}

export interface LockFile {
  /** Each once, in the file's order. */
  readonly packages: readonly LockedPackage[];
  /** What could not be understood, or is not settled, one sentence each. */
  readonly problems: readonly string[];
  /** Who asks for a package that it settles. */
  readonly requestsOf: (name: string, version: string) => readonly LockRequest[];
  /** Why these may not be all. */
  readonly gap?: string;
  /** It settles only what it names itself, and brings more of this kind. */
  readonly bringsMore?: PackageType;
}

/** Reads one format of lock files: tells `found` of each package, `say` of what it cannot understand, and `asks` of who asks for them. May throw where the text is no such file. */
export type LockParser = (text: string, found: FoundLocked, say: (problem: string) => void, asks: LockAsks) => void;
export type FoundLocked = (name: string, version: string) => void;

/** Takes who asks. A format that tells it nothing says nothing of that. */
export interface LockAsks {
  /** Somebody asks for a package, and gets `version` of it. */
  readonly add: (name: string, version: string, request: LockRequest) => void;
  /** Everyone who asks is in the file, but for what `gap` says. */
  readonly all: (gap?: string) => void;
}

const maxPackages = 200_000;
const maxProblems = 50;
const maxRequests = 500_000;

/** What `parser` finds in `text`, as packages of `type`: names and versions that are none are said to be so. */
export function collectLocked(type: PackageType, parser: LockParser, text: string): LockFile {
  const packages = new Map<string, LockedPackage>();
  const problems = new Set<string>();
  const requests = new Map<string, LockRequest[]>();
  let count = 0;
  let gap: string | undefined = "it does not say who asks for what";
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
      {
        add: (name, version, request) => {
          const key = `${name} ${version}`;
          const known = requests.get(key);
          count += 1;
          if (count > maxRequests) return;
          if (known === undefined) requests.set(key, [request]);
          else known.push(request);
        },
        all: (but) => (gap = but),
      },
    );
  } catch {
    say("it is not in the format that its name says");
  }
  if (count > maxRequests) gap = `it has more than ${maxRequests} requests`;
  if (problems.size > 0) gap ??= [...problems][0];
  return {
    packages: [...packages.values()],
    problems: [...problems],
    requestsOf: (name, version) => requests.get(`${name} ${version}`) ?? [],
    ...(gap === undefined ? {} : { gap }),
  };
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
