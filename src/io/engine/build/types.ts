import type { Descriptor, Platform } from "../../../core/image/index.ts";
import type { Digest } from "../../../lib/index.ts";

/** What one build may use. */
export interface BuildLimits {
  /** For the whole build, all platforms and the export. */
  readonly timeoutMs: number;
  /** Of one step. BuildKit leaves it to its daemon: a line in the log says so. */
  readonly memoryBytes: number;
  readonly cpus: number;
  /** What a step may write, and what the image may hold. */
  readonly diskBytes: number;
  /** Bytes of output that are passed on; the rest is read and counted. */
  readonly logBytes: number;
}

export const defaultBuildLimits: BuildLimits = {
  timeoutMs: 3_600_000,
  memoryBytes: 4 * 1_073_741_824,
  cpus: 2,
  diskBytes: 20 * 1_073_741_824,
  logBytes: 4 * 1_048_576,
};

/** A secret of a build, by the `id` of its `RUN --mount=type=secret`: from a variable of our environment, or a file. */
export type BuildSecret = { readonly id: string } & ({ readonly env: string } | { readonly file: string });

/** One platform of a build. The Dockerfile is pinned already; it differs by platform where a base's name does. */
export interface BuildTarget {
  readonly platform: Platform;
  readonly dockerfile: string;
}

export interface BuildRequest {
  /** The image's name: for messages, and what its cache is kept under. */
  readonly name: string;
  /** Folder that the build may read; its .dockerignore counts. */
  readonly context: string;
  /** Several give an index. */
  readonly targets: readonly BuildTarget[];
  /** What a `Dockerfile.dockerignore` beside the user's Dockerfile says: it takes the place of the context's own. */
  readonly ignoreFile?: string;
  readonly stage?: string;
  readonly args?: Readonly<Record<string, string>>;
  readonly secrets?: readonly BuildSecret[];
  readonly labels?: Readonly<Record<string, string>>;
  /** For the manifest of each platform. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Seconds since 1970: for steps that ask for it, and no later time stands in the config. reproducible-builds.org, SOURCE_DATE_EPOCH. */
  readonly sourceDateEpoch?: number;
  readonly network: "default" | "none" | "host";
  readonly limits: BuildLimits;
  readonly noCache?: boolean;
  /** Layers of the base by diff ID, as its registry has them: they are named like that and left out of the result. */
  readonly knownLayers?: ReadonlyMap<Digest, Descriptor>;
}

/** A finished build, in a folder until it is closed. */
export interface BuildResult {
  /** An OCI image layout; its one entry is `digest`. image-spec, image-layout.md. */
  readonly layout: string;
  readonly digest: Digest;
  readonly mediaType: string;
  /** Known layers that the image names and the layout does not hold. */
  readonly borrowed: readonly Descriptor[];
  /** Bytes of the blobs in the layout. */
  readonly bytes: number;
  close(): Promise<void>;
}

/** Gets what a build says, a line at a time: printable, secrets masked, within the limit. */
export type LogSink = (line: string) => void;

/** Builds images from Dockerfiles. */
export interface BuildEngine {
  readonly name: string;
  /** Undefined where the engine can be used; otherwise why it cannot. */
  missing(): Promise<string | undefined>;
  /**
   * Builds under limits and leaves the result in a folder of ours; nothing is pushed, and nothing but caches stays in the
   * engine. Throws BuildError; the same one, whatever the engine.
   */
  build(request: BuildRequest, log: LogSink, signal: AbortSignal): Promise<BuildResult>;
  /** Ends and removes what earlier processes of this installation left behind; resolves to how many builds those were. */
  sweep(): Promise<number>;
}

/** What every engine is made with. */
export interface BuilderOptions {
  /** Tells this installation from others that use the same daemon. */
  readonly instance: string;
  /** Folder for builds at work, and for the cache of an engine that has no daemon. One process at a time. */
  readonly dir: string;
  /** Our environment: of it an engine's program gets only what it needs to find its daemon, its registries and their credentials. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Further variables that a credential helper needs. They are in the environment of the engine's program, never in a build's. */
  readonly keepEnv?: readonly string[];
  /** Cgroup that steps run in, where the engine can be told: its limits hold for all of a build's processes. */
  readonly cgroupParent?: string;
}
