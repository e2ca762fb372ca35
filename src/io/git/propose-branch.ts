import { printable } from "../../lib/index.ts";
import {
  changesIn,
  fetchTip,
  findRef,
  init,
  inStore,
  listEntries,
  makeCommit,
  push,
  readFiles,
  run,
  type BranchChange,
  type BranchTip,
  type EditLimits,
  type Entry,
  type Store,
} from "./branch-store.ts";
import { GitError } from "./error.ts";
import { lastCommitOf, type KnownCommit } from "./last-commit-of.ts";
import type { Remote } from "./look-up-ref.ts";

/** What became of a branch that a change is proposed on. `foreign`: its newest commit is somebody else's, and it stays. */
export type ProposalEnd =
  | { readonly kind: "pushed" | "unchanged"; readonly commit: string }
  | { readonly kind: "nothing" }
  | { readonly kind: "foreign"; readonly by: KnownCommit };

/**
 * Puts what `edit` makes of the files of a branch on top of it, on the branch `head`, which is made, or made anew where its files are not the same: it is ours, and no other's commit on it is ever lost. Without a change
 * nothing is pushed (`nothing`).
 */
export async function proposeBranch(
  remote: Remote,
  { branch, head, paths }: { readonly branch: string; readonly head: string; readonly paths: readonly string[] },
  edit: (tip: BranchTip) => Promise<BranchChange | undefined>,
  limits: EditLimits,
): Promise<ProposalEnd> {
  return inStore(remote, limits, async (store) => {
    const { commit, entries } = await fetchTip(store, branch, paths);
    const files = await readFiles(store, entries);
    const lastCommit = (text: string) =>
      lastCommitOf(remote, store.folder, { branch, commit, paths, text }, store.limits.bytes);
    const change = await edit({ commit, files, lastCommitOf: lastCommit });
    const changed = changesIn(change, files);
    if (change === undefined || changed.size === 0) return { kind: "nothing" };
    const before = await fetchProposal(store, head, paths);
    if (before !== undefined && before.last.committerEmail !== change.author.email)
      return { kind: "foreign", by: before.last };
    const wanted = new Map([...files, ...changed]);
    if (before !== undefined && isSame(wanted, before.files)) return { kind: "unchanged", commit: before.last.commit };
    const made = await makeCommit(store, commit, entries, changed, change);
    const pushed = await push(store, made, head, before?.last.commit ?? "");
    if (pushed.kind === "pushed") return pushed;
    throw new GitError("RACED", `${remote.what}: somebody else was quicker to push to ${head}`, { retry: true });
  });
}

/** Takes the branch `head` away, if its newest commit is of a committer with `email`. */
export async function removeProposal(
  remote: Remote,
  { head, email }: { readonly head: string; readonly email: string },
  limits: EditLimits,
): Promise<void> {
  await inStore(remote, limits, async (store) => {
    const tip = await findRef(remote, `refs/heads/${head}`);
    if (tip === undefined) return;
    await init(store, tip);
    const before = await fetchProposal(store, head, []);
    if (before === undefined || before.last.committerEmail !== email) return;
    await push(store, "", head, before.last.commit);
  });
}

/** What is proposed on `head` now; undefined where there is no such branch. */
async function fetchProposal(
  store: Store,
  head: string,
  paths: readonly string[],
): Promise<{ readonly last: KnownCommit; readonly files: ReadonlyMap<string, Uint8Array> } | undefined> {
  const ref = `refs/heads/${head}`;
  const { remote } = store;
  if ((await findRef(remote, ref)) === undefined) return undefined;
  await run(store, ["fetch", "--quiet", "--depth=1", "--no-tags", "--", remote.address, `+${ref}:refs/tidemill/head`]);
  const format = "--format=%H%x00%an%x00%ce%x00%B";
  const shown = await run(store, [
    "log",
    "-1",
    "--no-textconv",
    "--no-ext-diff",
    "--no-patch",
    format,
    "refs/tidemill/head",
  ]);
  const [commit = "", author = "", committerEmail = "", message = ""] = shown.split("\0");
  const last = { commit, author: printable(author).slice(0, 200), committerEmail, message };
  const entries = paths.length === 0 ? new Map<string, Entry>() : await listEntries(store, commit, paths);
  return { last, files: await readFiles(store, entries) };
}

function isSame(a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): boolean {
  return (
    a.size === b.size && [...a].every(([path, bytes]) => Buffer.from(bytes).equals(b.get(path) ?? Buffer.alloc(0)))
  );
}
