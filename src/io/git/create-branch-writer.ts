import { checkRef } from "./check-source.ts";
import { diskFailed, isDiskError } from "./disk-failed.ts";
import type { BranchChange, BranchTip } from "./branch-store.ts";
import { editBranch, readBranch, type BranchEnd } from "./edit-branch.ts";
import { proposeBranch, removeProposal, type ProposalEnd } from "./propose-branch.ts";
import { lookUpRef, type Remote } from "./look-up-ref.ts";
import { prepareCall } from "./prepare-call.ts";
import { withDeadline } from "./with-deadline.ts";

/** A branch of a repository, and files of it. */
export interface BranchFiles {
  readonly url: string;
  readonly branch: string;
  /** Files, and folders with a slash at their end, which stand for the manifests below. */
  readonly paths: readonly string[];
}

/** Reads and writes branches with the git program of this machine. */
export interface BranchWriter {
  /** The files as they are now. Where the branch has not moved nothing is fetched again. Throws BAD_SOURCE, UNKNOWN_REF, UNREACHABLE, DENIED, TIMED_OUT, TOO_LARGE, DISK_FAILED. */
  read(source: BranchFiles, signal: AbortSignal): Promise<Pick<BranchTip, "commit" | "files">>;
  /** Commits and pushes what `edit` makes of the files; it is asked again where somebody else was quicker. Throws what `read` throws, REFUSED, RACED, and what `edit` throws. */
  edit(
    source: BranchFiles,
    edit: (tip: BranchTip) => Promise<BranchChange | undefined>,
    signal: AbortSignal,
  ): Promise<BranchEnd>;
  /** Puts what `edit` makes of the files on the branch `head`, on top of the other, and makes it anew where it is not the same: `head` is ours. Throws what `edit` of branches throws. */
  propose(
    source: BranchFiles & { readonly head: string },
    edit: (tip: BranchTip) => Promise<BranchChange | undefined>,
    signal: AbortSignal,
  ): Promise<ProposalEnd>;
  /** Takes the branch `head` away, where its newest commit is of a committer with `email`. */
  withdraw(
    source: { readonly url: string; readonly head: string; readonly email: string },
    signal: AbortSignal,
  ): Promise<void>;
}

const deadlineMs = 600_000;
const limits = { bytes: 500_000_000, fileBytes: 4_194_304, files: 500, races: 20 } as const;
const mostTips = 1000;

/** A writer with its folder `dir`, and `env`, from which it takes what it needs to reach repositories. */
export function createBranchWriter(options: {
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}): BranchWriter {
  const { dir, env } = options;
  const tips = new Map<string, Pick<BranchTip, "commit" | "files">>();

  const open = async <T>(
    { url, branch }: Pick<BranchFiles, "url" | "branch">,
    signal: AbortSignal,
    work: (remote: Remote) => Promise<T>,
  ): Promise<T> => {
    checkRef(`refs/heads/${branch}`);
    const { location, call, what } = await prepareCall(env, dir, url);
    return withDeadline(signal, deadlineMs, what, async (signal) => {
      try {
        return await work({ call, address: location.address, what, cwd: dir, signal });
      } catch (error) {
        if (isDiskError(error)) throw diskFailed(dir, error);
        throw error;
      }
    });
  };

  return {
    read: (source, signal) =>
      open(source, signal, async (remote) => {
        const { url, branch, paths } = source;
        const key = JSON.stringify([url, branch, paths]);
        const known = tips.get(key);
        if (known !== undefined && (await lookUpRef(remote, `refs/heads/${branch}`)).commit === known.commit)
          return known;
        const tip = await readBranch(remote, branch, paths, limits);
        if (tips.size >= mostTips) tips.clear();
        tips.set(key, tip);
        return tip;
      }),
    edit: (source, edit, signal) =>
      open(source, signal, (remote) => editBranch(remote, source.branch, source.paths, edit, limits)),
    propose: async (source, edit, signal) => {
      checkRef(`refs/heads/${source.head}`);
      return open(source, signal, (remote) => proposeBranch(remote, source, edit, limits));
    },
    withdraw: ({ url, head, email }, signal) =>
      open({ url, branch: head }, signal, (remote) => removeProposal(remote, { head, email }, limits)),
  };
}
