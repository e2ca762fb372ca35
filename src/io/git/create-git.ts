import { join } from "node:path";
import { sha256, digestHex } from "../../lib/index.ts";
import { checkRef, checkSubdirectory, isCommitId, parseLocation } from "./check-source.ts";
import { GitError } from "./error.ts";
import { fetchTree } from "./fetch-tree.ts";
import { gitCall } from "./git-environment.ts";
import { lookUpRef } from "./look-up-ref.ts";
import { prepareCall } from "./prepare-call.ts";
import { publicUrl } from "./public-url.ts";
import { runGit } from "./run-git.ts";
import { createTreeFolder } from "./tree-folder.ts";
import { withDeadline } from "./with-deadline.ts";

/** Reads repositories with the git program of this machine. */
export interface Git {
  /** Undefined where the git program can be used; otherwise why it cannot, and what to install. */
  missing(): Promise<string | undefined>;
  /**
   * The commit that `ref` names now: a branch, else a tag (what it points at), HEAD, or any full `refs/…`; a whole commit id is itself and nothing is asked. Throws
   * BAD_SOURCE, UNKNOWN_REF, UNREACHABLE, DENIED, TIMED_OUT.
   */
  look(source: { readonly url: string; readonly ref: string }, signal: AbortSignal): Promise<string>;
  /**
   * A folder with the files of one commit and nothing else, fetched once and then kept; read it only. It is there whole or not at all. Resolves to the folder of the
   * whole tree; `subdirectory` is checked to be a folder of it. Large files kept elsewhere (LFS) stay pointers, and submodules are not fetched: a context that
   * has one is refused. Throws what `look` throws, and UNKNOWN_COMMIT, NO_SUBDIRECTORY, UNSAFE_TREE, SUBMODULE, TOO_LARGE, DISK_FAILED.
   */
  fetch(
    source: { readonly url: string; readonly ref: string; readonly commit: string; readonly subdirectory?: string },
    signal: AbortSignal,
  ): Promise<string>;
}

export interface GitLimits {
  /** For one `look`. */
  readonly lookMs: number;
  /** For one `fetch`. */
  readonly fetchMs: number;
  /** Of what comes over the line, and of the files of a commit. */
  readonly bytes: number;
  /** Files and folders of a commit. */
  readonly files: number;
  /** Commits that are kept for one repository. */
  readonly kept: number;
  /** How long a commit is kept in any case after its last use: a build may still read it. */
  readonly idleMs: number;
}

const defaults: GitLimits = {
  lookMs: 60_000,
  fetchMs: 600_000,
  bytes: 2_000_000_000,
  files: 200_000,
  kept: 8,
  idleMs: 21_600_000,
};
const oldest = [2, 30] as const;

/** Git with its folder `dir`, which it alone writes, and `env`, from which it takes what it needs to reach repositories. */
export function createGit(options: {
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly limits?: Partial<GitLimits>;
}): Git {
  const { dir, env } = options;
  const limits = { ...defaults, ...options.limits };
  const folders = new Map<string, ReturnType<typeof createTreeFolder>>();
  let usable = false;

  const prepare = (url: string) => prepareCall(env, dir, url);

  return {
    missing: async () => {
      if (usable) return undefined;
      const install = `install Git ${oldest.join(".")} or newer (the package git)`;
      try {
        const call = gitCall(env, undefined, "/");
        const { stdout } = await runGit(call, ["--version"], { cwd: "/", signal: AbortSignal.timeout(10_000) });
        const [, major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout) ?? []).map(Number);
        usable = major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
        return usable ? undefined : `git ${major}.${minor} is too old: ${install}`;
      } catch (error) {
        return error instanceof GitError ? `git is not there: ${install}` : `git does not answer: ${install}`;
      }
    },
    look: async ({ url, ref }, signal) => {
      if (isCommitId(ref.toLowerCase())) {
        parseLocation(url);
        return ref.toLowerCase();
      }
      checkRef(ref);
      const { location, call, what } = await prepare(url);
      const found = await withDeadline(signal, limits.lookMs, what, (signal) =>
        lookUpRef({ call, address: location.address, what, cwd: dir, signal }, ref),
      );
      return found.commit;
    },
    fetch: async ({ url, ref, commit, subdirectory }, signal) => {
      if (subdirectory !== undefined) checkSubdirectory(subdirectory);
      if (!isCommitId(commit)) throw new GitError("BAD_SOURCE", `${publicUrl(url)}: the commit is no whole id`);
      if (!isCommitId(ref.toLowerCase())) checkRef(ref);
      const { location, call, what } = await prepare(url);
      const key = digestHex(sha256(location.address)).slice(0, 32);
      const folder = folders.get(key) ?? createTreeFolder(join(dir, key), limits);
      folders.set(key, folder);
      return withDeadline(signal, limits.fetchMs, what, (signal) =>
        folder.open(
          { commit, subdirectory, what },
          (into) => fetchTree({ call, address: location.address, what, cwd: into, signal }, ref, commit, limits),
          signal,
        ),
      );
    },
  };
}
