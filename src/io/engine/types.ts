import type { ComposeSet } from "../../core/compose/index.ts";
import type { ImageManifest, ImageSource, Platform } from "../../core/image/index.ts";

/** What a container of a check may use. */
export interface RunLimits {
  readonly timeoutMs: number;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly pids: number;
  /** Bytes of output that are kept; the rest is read and thrown away. */
  readonly outputBytes: number;
}

export const defaultRunLimits: RunLimits = {
  timeoutMs: 60_000,
  memoryBytes: 512 * 1_048_576,
  cpus: 1,
  pids: 256,
  outputBytes: 65_536,
};

/** One command in one image on one platform. */
export interface RunRequest {
  readonly source: ImageSource;
  readonly manifest: ImageManifest;
  readonly platform: Platform;
  /** Program and arguments; empty runs the image's own entrypoint. */
  readonly command: readonly string[];
  /** Beside those of the image. */
  readonly env?: Readonly<Record<string, string>>;
  /** In place of the image's own. */
  readonly user?: string;
  /** Set where the check asked for the network. */
  readonly network: boolean;
  /** Whether its root can be written to. */
  readonly writable?: boolean;
  readonly limits: RunLimits;
}

export interface RunResult {
  /** `exited` with a status, `timeout`, or `out-of-memory`. */
  readonly end: "exited" | "timeout" | "out-of-memory";
  readonly status: number;
  /** Standard output and error as they came, control characters made visible. */
  readonly output: string;
  /** Each of them by itself. */
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
}

/** A service of one image on one platform, in a container that has a network of its own and reaches nothing of the outside world. */
export interface ServeRequest extends Pick<RunRequest, "source" | "manifest" | "platform" | "command"> {
  readonly env: Readonly<Record<string, string>>;
  /** Whether its root can be written to. */
  readonly writable: boolean;
  readonly limits: Omit<RunLimits, "timeoutMs">;
}

/** Asks a service that was started. `host` is the address of its container; `ended` is aborted, a sentence its reason, where the container ends meanwhile. */
export type AskServed<T> = (host: string, ended: AbortSignal) => Promise<T>;

export interface Served<T> {
  readonly answer: T;
  /** As `RunResult.output`. */
  readonly output: string;
}

/** Several services in a network of their own, one of them the candidate. */
export interface SetRequest extends Pick<RunRequest, "source" | "manifest" | "platform"> {
  readonly set: ComposeSet;
  /** The service whose image is the candidate. */
  readonly service: string;
  /** Whether the candidate's root can be written to. */
  readonly writable: boolean;
  /** In place of the images that the file names, by service. */
  readonly own: Readonly<Record<string, Pick<RunRequest, "source" | "manifest">>>;
  /** Of the compose file: what it mounts lies below. */
  readonly folder: string;
  /** Milliseconds within which it has to be started. */
  readonly timeoutMs: number;
  /** Of each container. */
  readonly limits: Omit<RunLimits, "timeoutMs">;
}

export type ExecEnd =
  | { readonly end: "exited"; readonly status: number; readonly output: string }
  | { readonly end: "late"; readonly output: string }
  | { readonly end: "not started"; readonly reason: string };

/** A set that runs. */
export interface RunningSet {
  /** Of a service's container, in the set's network; undefined while it has none that this machine reaches. */
  addressOf(service: string): Promise<string | undefined>;
  /** Runs a command in a service's container. */
  exec(service: string, command: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<ExecEnd>;
  /** Why it will not come to be well any more, as a sentence: a service ended. */
  trouble(): Promise<string | undefined>;
}

/** `unavailable`: its parts are not there, which says nothing of the candidate. */
export type ServedSet<T> =
  | { readonly kind: "asked"; readonly answer: T; readonly logs: Readonly<Record<string, string>> }
  | { readonly kind: "not started"; readonly reason: string; readonly logs: Readonly<Record<string, string>> }
  | { readonly kind: "unavailable"; readonly reason: string };

/** Runs commands in images, for checks. */
export interface RunEngine {
  readonly name: string;
  /** Undefined where the engine can be used; otherwise why it cannot. */
  missing(): Promise<string | undefined>;
  /** Whether it can run images of `platform`. */
  canRun(platform: Platform): Promise<boolean>;
  /** Runs one command under limits, with nothing left behind. Throws RUN_FAILED where the engine itself fails. */
  run(request: RunRequest, signal?: AbortSignal): Promise<RunResult>;
  /** Starts a service under limits, has it asked, and stops it, with nothing left behind. Throws RUN_FAILED where the engine itself fails, or `ask`. */
  serve<T>(request: ServeRequest, ask: AskServed<T>, signal?: AbortSignal): Promise<Served<T>>;
  /** Runs a set of services by a compose file, has it asked, and stops it, with nothing left behind; undefined where this engine has no Compose. Throws RUN_FAILED where the engine itself fails, or `ask`. */
  serveSet?<T>(
    request: SetRequest,
    ask: (set: RunningSet, signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<ServedSet<T>>;
  /** Removes what an earlier process of this installation left; resolves to how many containers, networks and images went. */
  sweep(): Promise<number>;
  /** Lets go of what this process has loaded. */
  close(): Promise<void>;
}
