/** Where an image's source is. */
export interface GitSource {
  /** `https://host/path`, `ssh://user@host/path` or `user@host:path`. */
  readonly url: string;
  /** A branch, a tag, a full name below `refs/`, or a commit's id; the default branch without it. */
  readonly ref?: string;
  /** Folder in the repository; all of it without it. */
  readonly subdirectory?: string;
  /** For https: the variable of our environment that holds a token, and the user name that goes with it. */
  readonly tokenEnv?: string;
  readonly username?: string;
}

export interface GitLimits {
  readonly timeoutMs: number;
  /** Of what git downloads, and of the files that are laid out. */
  readonly bytes: number;
  readonly files: number;
}

export const defaultGitLimits: GitLimits = { timeoutMs: 600_000, bytes: 2 * 1_073_741_824, files: 200_000 };

/** One commit's files, in a folder of their own. */
export interface FetchedSource {
  /** The id of the commit, in hex. */
  readonly commit: string;
  readonly files: number;
  readonly bytes: number;
  /** Submodules, whose folders are empty: they are not fetched. */
  readonly submodules: readonly string[];
  /** Links that lead out of the folder: they are left out. */
  readonly outside: readonly string[];
}

export interface GitOptions {
  /** Our environment: git gets of it what it needs to find hosts, keys and the user's own settings. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder for downloads at work. */
  readonly dir: string;
  readonly program?: string;
  readonly limits?: GitLimits;
  /** Repositories of this machine by `file:` URLs, for tests and mirrors: off without it. */
  readonly allowFiles?: boolean;
}

export interface Git {
  /** Undefined where git can be used; otherwise what to install. */
  missing(): Promise<string | undefined>;
  /** The commit that a source's ref names now; nothing is downloaded. Throws GitError. */
  watchGitRef(source: GitSource, signal?: AbortSignal): Promise<string>;
  /** Lays out the files of `commit` in `into`, a folder that is not there yet. Throws GitError; then nothing is left. */
  fetchGitSource(source: GitSource, commit: string, into: string, signal?: AbortSignal): Promise<FetchedSource>;
}
