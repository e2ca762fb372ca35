import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GitError } from "./error.ts";
import { isCommitId } from "./check-source.ts";
import { lookUpRef, unanswered, type Remote } from "./look-up-ref.ts";
import { runGit } from "./run-git.ts";
import { settleTree } from "./settle-tree.ts";
import { createListing } from "./tree-entry.ts";

/** What a fetch left: the folder `tree` below that which it was given, and the paths that are submodules. */
export interface FetchedTree {
  readonly submodules: readonly string[];
}

/**
 * Fetches the one commit into `remote.cwd`, an empty folder, and leaves its files in `tree` there. It is asked for by its id, and by `ref` where the server hands
 * out no commits by id; then it must be that commit. What is too large or leads out is refused before it is checked out, or thrown away with the folder.
 */
export async function fetchTree(
  remote: Remote,
  ref: string,
  commit: string,
  limits: { readonly bytes: number; readonly files: number },
): Promise<FetchedTree> {
  const { call, what, cwd, signal } = remote;
  const store = join(cwd, "git");
  const tree = join(cwd, "tree");
  const watch = { folder: store, bytes: limits.bytes, what };
  const run = async (...args: string[]) => {
    const result = await runGit(call, args, { cwd, signal, watch });
    if (result.status !== 0) throw unanswered(what, result);
    return result.stdout;
  };
  const inStore = [`--git-dir=${store}`];

  await mkdir(tree);
  const format = commit.length === 64 ? ["--object-format=sha256"] : [];
  await run("init", "--quiet", "--bare", "--template=", ...format, "--", store);
  // Attributes of the repository choose filters of the user's settings: programs. None is run; files of LFS stay the pointers that they are.
  await mkdir(join(store, "info"), { recursive: true });
  await writeFile(join(store, "info", "attributes"), "* -filter\n");
  await fetchCommit(remote, ref, commit, store, limits.bytes);

  const listing = createListing(limits, `${what} at ${commit.slice(0, 12)}`);
  const listed = await runGit(call, [...inStore, "ls-tree", "-r", "-t", "-z", "--long", commit], {
    cwd,
    signal,
    onOutput: (chunk) => listing.push(chunk),
  });
  if (listed.status !== 0) throw unanswered(what, listed);
  const times = await run(...inStore, "log", "-1", "--format=%ct", commit);
  await run(...inStore, `--work-tree=${tree}`, "read-tree", "-m", "-u", commit);
  await rm(store, { recursive: true });
  const seconds = Math.min(Math.max(Number.parseInt(times, 10) || 0, 0), 0xffff_ffff);
  await settleTree(tree, listing.entries, seconds, what);
  return { submodules: listing.entries.filter(({ kind }) => kind === "submodule").map(({ path }) => path) };
}

async function fetchCommit(remote: Remote, ref: string, commit: string, store: string, bytes: number): Promise<void> {
  const { call, address, what, cwd, signal } = remote;
  const get = (wanted: string) =>
    runGit(
      call,
      [
        `--git-dir=${store}`,
        "fetch",
        "--quiet",
        "--depth=1",
        "--no-tags",
        "--",
        address,
        `+${wanted}:refs/tidemill/it`,
      ],
      { cwd, signal, watch: { folder: store, bytes, what } },
    );
  const unknown = (why: string) =>
    new GitError("UNKNOWN_COMMIT", `${what}: commit ${commit} cannot be had: ${why}`, {
      hint: "Was the branch rewritten? The next watch sees what it names now.",
    });

  const first = await get(commit);
  if (first.status === 0) return checkKind(remote, store, commit, unknown);
  if (isCommitId(ref.toLowerCase())) {
    // A server that does not answer at all is not one that lacks a commit.
    await lookUpRef(remote, "HEAD").catch((error: unknown) => {
      if (!(error instanceof GitError && error.code === "UNKNOWN_REF")) throw error;
    });
    throw unknown(first.words);
  }
  const now = await lookUpRef(remote, ref);
  if (now.commit !== commit) throw unknown(`${ref} names ${now.commit}, and by its id: ${first.words}`);
  const second = await get(now.name);
  if (second.status !== 0) throw unanswered(what, second);
  return checkKind(remote, store, commit, unknown);
}

/** The ref may have moved since it was looked at, and a tag may name something other than a commit. */
async function checkKind(
  { call, cwd, signal }: Remote,
  store: string,
  commit: string,
  unknown: (why: string) => GitError,
): Promise<void> {
  const { stdout, words } = await runGit(call, [`--git-dir=${store}`, "cat-file", "-t", commit], { cwd, signal });
  const kind = stdout.trim();
  if (kind !== "commit") throw unknown(kind === "" ? words : `it is a ${kind}`);
}
