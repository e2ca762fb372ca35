import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { printable } from "../../lib/index.ts";
import { GitError } from "./error.ts";
import type { Remote } from "./look-up-ref.ts";
import { runGit } from "./run-git.ts";

/** A commit as people see it. */
export interface KnownCommit {
  readonly commit: string;
  readonly author: string;
  readonly committerEmail: string;
  readonly message: string;
}

/** How far back it is looked. */
const mostCommits = 100;

/** The commit by which `text` came to files of a branch or went from them last; undefined where the history that was fetched does not say. */
export async function lastCommitOf(
  { call, address, what, cwd, signal }: Remote,
  store: string,
  wanted: {
    readonly branch: string;
    readonly commit: string;
    readonly paths: readonly string[];
    readonly text: string;
  },
  bytes: number,
): Promise<KnownCommit | undefined> {
  const { branch, commit, paths, text } = wanted;
  const inStore = [`--git-dir=${store}`, "--literal-pathspecs"];
  const ref = `+refs/heads/${branch}:refs/tidemill/history`;
  const fetched = await runGit(
    call,
    [...inStore, "fetch", "--quiet", `--depth=${mostCommits}`, "--no-tags", "--", address, ref],
    { cwd, signal, watch: { folder: store, bytes, what } },
  ).catch((error: unknown) => {
    if (error instanceof GitError && error.code === "TOO_LARGE") return undefined;
    throw error;
  });
  if (fetched?.status !== 0) return undefined;
  const format = "--format=%H%x00%an%x00%ce%x00%B";
  const args = [
    "log",
    "-1",
    "-m",
    "--first-parent",
    "--no-textconv",
    "--no-ext-diff",
    "--no-patch",
    format,
    `-S${text}`,
  ];
  const found = await runGit(call, [...inStore, ...args, commit, "--", ...paths], { cwd, signal });
  const [id = "", author = "", committerEmail = "", message = ""] = found.stdout.split("\0");
  if (found.status !== 0 || id === "") return undefined;
  // The oldest that was fetched seems to have brought everything.
  const shallow = await readFile(join(store, "shallow"), "utf8").catch(() => "");
  if (shallow.split("\n").includes(id)) return undefined;
  return { commit: id, author: printable(author).slice(0, 200), committerEmail, message };
}
