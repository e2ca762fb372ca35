import { diskFailed } from "./disk-failed.ts";
import { GitError } from "./error.ts";
import type { GitCall } from "./git-environment.ts";
import { runGit, type GitResult } from "./run-git.ts";

/** A repository, and what to ask it with. */
export interface Remote {
  readonly call: GitCall;
  readonly address: string;
  /** Its address as people see it. */
  readonly what: string;
  readonly cwd: string;
  readonly signal: AbortSignal;
}

/** A ref of a repository by its full name, and the commit that it leads to. */
export interface FoundRef {
  readonly name: string;
  readonly commit: string;
}

/** Asks a repository for a ref: a branch goes before a tag of that name, as `git clone --branch` has it. Throws UNKNOWN_REF and what `unanswered` makes. */
export async function lookUpRef(remote: Remote, ref: string): Promise<FoundRef> {
  const { call, address, what, cwd, signal } = remote;
  const names = ref === "HEAD" || ref.startsWith("refs/") ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
  const patterns = names.flatMap((name) => [name, `${name}^{}`]);
  const result = await runGit(call, ["ls-remote", "--quiet", "--", address, ...patterns], { cwd, signal });
  if (result.status !== 0) throw unanswered(what, result);
  const ids = new Map<string, string>();
  for (const line of result.stdout.split("\n")) {
    const [id = "", name = ""] = line.split("\t");
    if (/^[0-9a-f]{40,64}$/.test(id)) ids.set(name, id);
  }
  for (const name of names) {
    const commit = ids.get(`${name}^{}`) ?? ids.get(name);
    if (commit !== undefined) return { name, commit };
  }
  const short = /^[0-9a-f]{7,63}$/.test(ref) ? " A commit needs its whole id." : "";
  throw new GitError("UNKNOWN_REF", `${what} has no branch or tag ${ref}`, {
    hint: `Look at \`ref:\` of this image.${short}`,
  });
}

const denied =
  /could not read (?:Username|Password)|Authentication failed|Permission denied|Host key verification|returned error: 40[13]|access denied/i;

/** Why a repository could not be read: DENIED, UNREACHABLE or DISK_FAILED, with what git said. */
export function unanswered(what: string, { words, status }: GitResult): GitError {
  const said = words === "" ? `git ended with status ${status}` : words;
  if (denied.test(words))
    return new GitError("DENIED", `${what} lets nobody in with what it was given: ${said}`, {
      hint: "For https set TIDEMILL_GIT_USER and TIDEMILL_GIT_TOKEN, or a credential helper; for ssh load a key into the agent and know the host.",
    });
  if (/No space left on device|Disk quota exceeded|Read-only file system/.test(words)) return diskFailed(what, words);
  return new GitError("UNREACHABLE", `${what} cannot be read: ${said}`, {
    hint: "Is `url:` right, and can this machine reach it?",
    retry: true,
  });
}
