import { setTimeout as delay } from "node:timers/promises";
import {
  changesIn,
  fetchTip,
  inStore,
  makeCommit,
  push,
  readFiles,
  type BranchChange,
  type BranchTip,
  type EditLimits,
  type Store,
} from "./branch-store.ts";
import { GitError } from "./error.ts";
import { lastCommitOf } from "./last-commit-of.ts";
import type { Remote } from "./look-up-ref.ts";

export type BranchEnd = { readonly kind: "pushed" | "unchanged"; readonly commit: string };

const longestPauseMs = 2000;

/** The files of a branch as they are now. */
export async function readBranch(
  remote: Remote,
  branch: string,
  paths: readonly string[],
  limits: EditLimits,
): Promise<Pick<BranchTip, "commit" | "files">> {
  return inStore(remote, limits, async (store) => {
    const { commit, entries } = await fetchTip(store, branch, paths);
    return { commit, files: await readFiles(store, entries) };
  });
}

/**
 * Commits what `edit` makes of the files to the tip of a branch and pushes it, never by force. Where somebody else was quicker, all of it is done again on what they made of the branch. Without a change there is no commit.
 */
export async function editBranch(
  remote: Remote,
  branch: string,
  paths: readonly string[],
  edit: (tip: BranchTip) => Promise<BranchChange | undefined>,
  limits: EditLimits,
): Promise<BranchEnd> {
  for (let race = 0; ; race += 1) {
    const end = await inStore(remote, limits, (store) => tryOnce(store, branch, paths, edit));
    if (end.kind !== "raced") return end;
    if (race >= limits.races)
      throw new GitError("RACED", `${remote.what}: others were quicker ${race + 1} times to push to ${branch}`, {
        hint: "It is tried again. Who writes to the branch so often?",
        retry: true,
      });
    await delay(Math.random() * Math.min(longestPauseMs, 50 * 2 ** race), undefined, { signal: remote.signal });
  }
}

async function tryOnce(
  store: Store,
  branch: string,
  paths: readonly string[],
  edit: (tip: BranchTip) => Promise<BranchChange | undefined>,
): Promise<BranchEnd | { readonly kind: "raced" }> {
  const { remote } = store;
  const { commit, entries } = await fetchTip(store, branch, paths);
  const files = await readFiles(store, entries);
  const change = await edit({
    commit,
    files,
    lastCommitOf: (text) => lastCommitOf(remote, store.folder, { branch, commit, paths, text }, store.limits.bytes),
  });
  const changed = changesIn(change, files);
  if (change === undefined || changed.size === 0) return { kind: "unchanged", commit };
  const made = await makeCommit(store, commit, entries, changed, change);
  return push(store, made, branch, commit, false);
}
