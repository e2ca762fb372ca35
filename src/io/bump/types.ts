import type { BumpMove, BumpType, LockPair } from "../../core/bump/index.ts";
import type { LockFile } from "../../core/inventory/index.ts";

/** Files by their path from the top of the repository. */
export type Files = ReadonlyMap<string, Buffer>;

/** What a package manager is asked to do. */
export interface BumpRequest {
  /** Folder of the tree of one commit; it is read only. */
  readonly tree: string;
  /** The lock file, from the top of the tree. */
  readonly file: string;
  readonly type: BumpType;
  /** As the lock file calls it. */
  readonly package: string;
  readonly moves: readonly BumpMove[];
  readonly limits: BumpLimits;
  /** Programs that stand elsewhere than on PATH, by the names that they have for people: `uv`. */
  readonly programs?: Readonly<Record<string, string>>;
  /** In which container they run; on this machine itself without it. */
  readonly container?: BumpContainer | undefined;
}

export interface BumpContainer {
  /** That has the package managers. */
  readonly image: string;
  /** Of the engine. */
  readonly network: string;
}

/** Of one run of a package manager. */
export interface BumpLimits {
  readonly timeMs: number;
  /** Bytes of all that it writes. */
  readonly disk: number;
  /** Bytes of its heap. */
  readonly memory: number;
  /** Bytes of what it says. */
  readonly output: number;
}

/**
 * `refused`: with these files it cannot be made, and the reason says what a person has to do. `failed`: the package manager is not there, or did not get what it wanted: another time it may.
 */
export type ToolEnd =
  | { readonly kind: "made"; readonly changed: Files; readonly tool: string }
  | { readonly kind: "refused" | "failed"; readonly reason: string };

/** How a package manager is run: without a shell, in a folder of its own that is gone afterwards, under limits, and with nothing of this process's environment but what it needs to reach its registry. */
export interface Sandbox {
  /** Where the files lie, under their paths in the repository. */
  readonly work: string;
  /** Files of ours, for caches and settings: not part of the repository. */
  readonly home: string;
  /** Runs a program in a folder of `work`, named from its top. */
  run(command: readonly string[], options: RunOptions): Promise<RunEnd>;
  read(path: string): Promise<Buffer | undefined>;
  write(path: string, bytes: Uint8Array | string): Promise<void>;
  /** Puts a file of ours into `home`, and tells where it is. */
  putHome(path: string, bytes: Uint8Array | string): Promise<string>;
  /** Has a folder of `home` begin as it was when `make` once filled it: with what every run needs, and nothing of any repository. `make` tells whether it did. */
  seed(name: string, path: string, make: () => Promise<boolean>): Promise<void>;
  /** What a program has written there; empty where it has not. Throws TOO_LARGE. */
  readHome(path: string): Promise<Buffer>;
}

export interface RunOptions {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

export type RunEnd =
  | { readonly kind: "ended"; readonly status: number | null; readonly output: string; readonly errors: string }
  /** A limit was reached, or it could not be started. */
  | { readonly kind: "stopped"; readonly reason: string };

/** A package manager that changes lock files. Another one is: a file, a line in `tools`, a test. */
export interface PackageTool {
  /** Its program, as it is called for people too. */
  readonly program: string;
  /** Arguments that have it say its version. */
  readonly versionArguments: readonly string[];
  /** Where it looks for packages, as this machine's own settings say, outside of any repository: as variables of its environment. */
  readonly settings: SettingsQuestion;
  /** What of the answers it is handed on, where that is not all. */
  readonly readSettings?: (answers: Env) => Env;
  /** The files that it reads, without which it makes another lock file; a text says why it cannot be done. */
  readonly collect: (reader: TreeReader, request: BumpRequest) => Promise<ToolFiles | string>;
  /** Changes the files in the sandbox. Undefined, or what it chose, where it did; else why not. */
  readonly change: (
    sandbox: Sandbox,
    request: BumpRequest,
    files: ToolFiles,
    env: Env,
  ) => Promise<ToolFault | Resolved | undefined>;
  /** What is wrong with the new files beside the packages that they name; undefined where nothing is. */
  readonly check: (before: Files, after: Files, request: BumpRequest) => string | undefined;
  /** What may go from its lock file without being asked for, where who asks for it is not in there; `text` and `now` are the old and the new one. */
  readonly mayGo: (before: LockFile, after: LockFile, text: string, now: string) => LockPair["mayGo"];
}

export type Env = Readonly<Record<string, string>>;

/** Commands that print a setting, by the variable that hands it on. */
export type SettingsQuestion = Readonly<Record<string, readonly string[]>>;

export interface ToolFiles {
  readonly files: Files;
  /** Which of them it may change. */
  readonly mayChange: readonly string[];
}

/** What a package manager chose before and after, where its files do not say. */
export interface Resolved {
  readonly kind: "resolved";
  readonly before: LockFile;
  readonly after: LockFile;
}

export interface ToolFault {
  readonly kind: "refused" | "failed";
  readonly reason: string;
}

/** Reads plain files of a tree; links are none. */
export interface TreeReader {
  /** Undefined where there is no plain file at the path. Throws TOO_LARGE. */
  read(path: string): Promise<Buffer | undefined>;
  /** Paths of plain files below a folder that `wanted` takes, without following links; folders of which `enter` says no are passed over. Throws TOO_LARGE. */
  list(folder: string, wanted: (path: string) => boolean, enter?: (path: string) => boolean): Promise<string[]>;
}
