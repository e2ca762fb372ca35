import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { formatBytes, printable } from "../../lib/index.ts";
import { GitError } from "./error.ts";
import { lastCommitOf, type KnownCommit } from "./last-commit-of.ts";
import { lookUpRef, unanswered, type Remote } from "./look-up-ref.ts";
import { runGit, type GitResult } from "./run-git.ts";

/** A branch as it was when it was fetched. */
export interface BranchTip {
  readonly commit: string;
  /** By path. What is not there, and what is no plain file, is missing. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The commit by which `text` came to the files or went from them last; undefined where it lies too far back. */
  lastCommitOf(text: string): Promise<KnownCommit | undefined>;
}

export interface BranchChange {
  /** By path, of files that the branch has. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
  /** Path of an SSH key that signs the commit; without it none is signed. */
  readonly signingKey?: string;
}

/** What became of a branch that a change is proposed on. `foreign`: its newest commit is somebody else's, and it stays. */
export type ProposalEnd =
  | { readonly kind: "pushed" | "unchanged"; readonly commit: string }
  | { readonly kind: "nothing" }
  | { readonly kind: "foreign"; readonly by: KnownCommit };

export type BranchEnd = { readonly kind: "pushed" | "unchanged"; readonly commit: string };

export interface EditLimits {
  /** Of what comes over the line. */
  readonly bytes: number;
  /** Of one file. */
  readonly fileBytes: number;
  /** How often it is done again where somebody else was quicker. */
  readonly races: number;
}

const longestPauseMs = 2000;
const leftoverMs = 3_600_000;
const raced = /fetch first|non-fast-forward|cannot lock ref|failed to (?:update|lock)|incorrect old value|stale info/i;

interface Store {
  readonly remote: Remote;
  readonly folder: string;
  readonly limits: EditLimits;
}

interface Entry {
  readonly mode: string;
  readonly id: string;
  readonly size: number;
}

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

/** Has a branch name `made` (nothing, where that is empty) in place of `before`; empty for a branch that is not there. Only with `mayLeave` may it leave what it names out of its history, and then only exactly `before`. */
async function push(
  { remote, folder }: Store,
  made: string,
  branch: string,
  before: string,
  mayLeave = true,
): Promise<{ readonly kind: "pushed"; readonly commit: string } | { readonly kind: "raced" }> {
  const ref = `refs/heads/${branch}`;
  const args = [
    `--git-dir=${folder}`,
    "push",
    "--porcelain",
    "--no-verify",
    // The user's settings may want every push signed, which few servers take.
    "--no-signed",
    ...(mayLeave ? [`--force-with-lease=${ref}:${before}`] : []),
    "--",
    remote.address,
    `${made}:${ref}`,
  ];
  const pushed = await runGit(remote.call, args, { cwd: remote.cwd, signal: remote.signal });
  if (pushed.status === 0) return { kind: "pushed", commit: made };
  // What git says is a hint: what the branch names is what counts, also where the answer was lost.
  const now = (await findRef(remote, ref)) ?? "";
  if (now === made) return { kind: "pushed", commit: made };
  const said = printable(
    `${pushed.stdout.split("\n").find((line) => line.startsWith("!")) ?? ""} ${pushed.words}`,
  ).trim();
  if (now !== before || raced.test(said)) return { kind: "raced" };
  if (!/rejected/.test(said)) throw unanswered(remote.what, pushed);
  throw new GitError("REFUSED", `${remote.what} does not take a push to ${branch}: ${said.slice(0, 500)}`, {
    hint: "May this user push to the branch, or do rules of the server forbid it?",
  });
}

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

function changesIn(
  change: BranchChange | undefined,
  files: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Uint8Array> {
  const all = [...(change?.files ?? [])];
  return new Map(all.filter(([path, bytes]) => !Buffer.from(bytes).equals(files.get(path) ?? Buffer.alloc(0))));
}

function isSame(a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): boolean {
  return (
    a.size === b.size && [...a].every(([path, bytes]) => Buffer.from(bytes).equals(b.get(path) ?? Buffer.alloc(0)))
  );
}

/** Has `work` done in a new, empty store, which is gone afterwards. */
async function inStore<T>(remote: Remote, limits: EditLimits, work: (store: Store) => Promise<T>): Promise<T> {
  const parent = join(remote.cwd, "edits");
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await removeLeftovers(parent);
  const folder = join(parent, randomUUID());
  try {
    return await work({ remote, folder, limits });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a process that was killed has left. */
async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > leftoverMs)
      await rm(path, { recursive: true, force: true });
  }
}

async function run(
  { remote, folder, limits }: Store,
  args: readonly string[],
  isBare = false,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { call, cwd, signal, what } = remote;
  const own = { ...call, env: { ...call.env, ...more } };
  const watch = { folder, bytes: limits.bytes, what };
  const result = await runGit(own, isBare ? args : [`--git-dir=${folder}`, ...args], { cwd, signal, watch });
  if (result.status !== 0) throw unanswered(what, result);
  return result.stdout;
}

async function fetchTip(
  store: Store,
  branch: string,
  paths: readonly string[],
): Promise<{ readonly commit: string; readonly entries: ReadonlyMap<string, Entry> }> {
  const { remote } = store;
  const ref = `refs/heads/${branch}`;
  const found = await findRef(remote, ref);
  if (found === undefined)
    throw new GitError("UNKNOWN_REF", `${remote.what} has no branch ${branch}`, { hint: "Look at `branch:`." });
  await init(store, found);
  await run(store, ["fetch", "--quiet", "--depth=1", "--no-tags", "--", remote.address, `+${ref}:refs/tidemill/tip`]);
  const commit = (await run(store, ["rev-parse", "refs/tidemill/tip^{commit}"])).trim();
  return { commit, entries: await listEntries(store, commit, paths) };
}

/** The commit that a ref names; undefined where there is no such ref. */
async function findRef(remote: Remote, ref: string): Promise<string | undefined> {
  try {
    return (await lookUpRef(remote, ref)).commit;
  } catch (error) {
    if (error instanceof GitError && error.code === "UNKNOWN_REF") return undefined;
    throw error;
  }
}

/** An empty store for objects of the kind that `commit` is of. */
async function init(store: Store, commit: string): Promise<void> {
  const format = commit.length === 64 ? ["--object-format=sha256"] : [];
  await run(store, ["init", "--quiet", "--bare", "--template=", ...format, "--", store.folder], true);
}

async function listEntries(
  store: Store,
  commit: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, Entry>> {
  const { remote, limits } = store;
  const listed = await run(store, ["--literal-pathspecs", "ls-tree", "-z", "--long", commit, "--", ...paths]);
  const entries = new Map<string, Entry>();
  for (const line of listed.split("\0")) {
    const [, mode = "", id = "", size = "", path = ""] =
      /^(100[0-7]{3}) blob ([0-9a-f]+) +(\d+)\t(.*)$/s.exec(line) ?? [];
    if (path === "") continue;
    if (Number(size) > limits.fileBytes)
      throw new GitError(
        "TOO_LARGE",
        `${remote.what}: ${printable(path)} is larger than ${formatBytes(limits.fileBytes)}`,
      );
    entries.set(path, { mode, id, size: Number(size) });
  }
  return entries;
}

async function readFiles(store: Store, entries: ReadonlyMap<string, Entry>): Promise<Map<string, Uint8Array>> {
  const { call, cwd, signal, what } = store.remote;
  const files = new Map<string, Uint8Array>();
  for (const [path, { id }] of entries) {
    const chunks: Buffer[] = [];
    const args = [`--git-dir=${store.folder}`, "cat-file", "blob", id];
    const result = await runGit(call, args, { cwd, signal, onOutput: (chunk) => void chunks.push(chunk) });
    if (result.status !== 0) throw unanswered(what, result);
    files.set(path, Buffer.concat(chunks));
  }
  return files;
}

/** A commit on top of `parent` with the files changed: no work tree, so nothing is converted on the way. */
async function makeCommit(
  store: Store,
  parent: string,
  entries: ReadonlyMap<string, Entry>,
  changed: ReadonlyMap<string, Uint8Array>,
  { message, author, signingKey }: BranchChange,
): Promise<string> {
  const index = { GIT_INDEX_FILE: join(store.folder, "tidemill-index") };
  const scratch = join(store.folder, "tidemill-scratch");
  await run(store, ["read-tree", parent], false, index);
  for (const [path, bytes] of changed) {
    const entry = entries.get(path);
    if (entry === undefined) throw new Error("only what was read is changed");
    await writeFile(scratch, bytes);
    const id = (await run(store, ["hash-object", "-w", "--no-filters", "--", scratch])).trim();
    await run(store, ["update-index", "--cacheinfo", `${entry.mode},${id},${path}`], false, index);
  }
  const tree = (await run(store, ["write-tree"], false, index)).trim();
  await writeFile(scratch, message);
  const names = {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
  };
  const args = ["commit-tree", tree, "-p", parent, "-F", scratch];
  if (signingKey === undefined) return (await run(store, args, false, names)).trim();
  const signed = await runSigned(store, args, signingKey, names);
  if (signed.status === 0) return signed.stdout.trim();
  throw new GitError("NOT_SIGNED", `${printable(signingKey)} does not sign a commit: ${signed.words}`, {
    hint: "Is it an SSH key without a passphrase that this user alone may read? It needs Git 2.34 and OpenSSH 8.2, or newer.",
  });
}

/** No setting of the user's says which program or key signs. git-config(1), gpg.format. */
async function runSigned(
  { remote, folder }: Store,
  args: readonly string[],
  key: string,
  names: Readonly<Record<string, string>>,
): Promise<GitResult> {
  const { call, cwd, signal } = remote;
  const settings = ["gpg.format=ssh", "gpg.ssh.program=ssh-keygen", `user.signingKey=${key}`];
  const [command = "", ...rest] = args;
  const own = { ...call, env: { ...call.env, ...names } };
  const before = [`--git-dir=${folder}`, ...settings.flatMap((one) => ["-c", one])];
  return runGit(own, [...before, command, "-S", ...rest], { cwd, signal });
}
