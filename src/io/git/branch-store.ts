import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatBytes, nameOfOwn, printable, removeLeftovers } from "../../lib/index.ts";
import { GitError } from "./error.ts";
import type { KnownCommit } from "./last-commit-of.ts";
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

export interface EditLimits {
  /** Of what comes over the line. */
  readonly bytes: number;
  /** Of one file. */
  readonly fileBytes: number;
  /** How many are read. */
  readonly files: number;
  /** How often it is done again where somebody else was quicker. */
  readonly races: number;
}

const raced = /fetch first|non-fast-forward|cannot lock ref|failed to (?:update|lock)|incorrect old value|stale info/i;

export interface Store {
  readonly remote: Remote;
  readonly folder: string;
  readonly limits: EditLimits;
}

export interface Entry {
  readonly mode: string;
  readonly id: string;
  readonly size: number;
}

/** Has a branch name `made` (nothing, where that is empty) in place of `before`; empty for a branch that is not there. Only with `mayLeave` may it leave what it names out of its history, and then only exactly `before`. */
export async function push(
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

export function changesIn(
  change: BranchChange | undefined,
  files: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Uint8Array> {
  const all = [...(change?.files ?? [])];
  return new Map(all.filter(([path, bytes]) => !Buffer.from(bytes).equals(files.get(path) ?? Buffer.alloc(0))));
}

/** Has `work` done in a new, empty store, which is gone afterwards. */
export async function inStore<T>(remote: Remote, limits: EditLimits, work: (store: Store) => Promise<T>): Promise<T> {
  const parent = join(remote.cwd, "edits");
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await removeLeftovers(parent);
  const folder = join(parent, await nameOfOwn());
  try {
    return await work({ remote, folder, limits });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function run(
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

export async function fetchTip(
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
export async function findRef(remote: Remote, ref: string): Promise<string | undefined> {
  try {
    return (await lookUpRef(remote, ref)).commit;
  } catch (error) {
    if (error instanceof GitError && error.code === "UNKNOWN_REF") return undefined;
    throw error;
  }
}

/** An empty store for objects of the kind that `commit` is of. */
export async function init(store: Store, commit: string): Promise<void> {
  const format = commit.length === 64 ? ["--object-format=sha256"] : [];
  await run(store, ["init", "--quiet", "--bare", "--template=", ...format, "--", store.folder], true);
}

/** Files that a folder stands for: what manifests are written in. */
const ofFolder = /(?:^|\/)\.env[^/]*$|\.(?:ya?ml|json|env)$/i;

/** The plain files at `paths`; a path that ends in a slash is a folder, and stands for the manifests below it. */
export async function listEntries(
  store: Store,
  commit: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, Entry>> {
  const { remote, limits } = store;
  const listed = await run(store, ["--literal-pathspecs", "ls-tree", "-r", "-z", "--long", commit, "--", ...paths]);
  const named = new Set(paths);
  const entries = new Map<string, Entry>();
  for (const line of listed.split("\0")) {
    const [, mode = "", id = "", size = "", path = ""] =
      /^(100[0-7]{3}) blob ([0-9a-f]+) +(\d+)\t(.*)$/s.exec(line) ?? [];
    const isNamed = named.has(path);
    // A file by the name of a folder, and what lies below a name that was meant as a file, are not what was asked for.
    const isBelow = !isNamed && ofFolder.test(path) && paths.some((one) => one.endsWith("/") && path.startsWith(one));
    if (path === "" || (!isNamed && !isBelow)) continue;
    if (Number(size) > limits.fileBytes) {
      if (isBelow) continue;
      throw new GitError(
        "TOO_LARGE",
        `${remote.what}: ${printable(path)} is larger than ${formatBytes(limits.fileBytes)}`,
      );
    }
    entries.set(path, { mode, id, size: Number(size) });
    if (entries.size > limits.files)
      throw new GitError("TOO_LARGE", `${remote.what}: there are more than ${limits.files} manifests to be read`, {
        hint: "Name folders below those of `files:`, or the files themselves.",
      });
  }
  return entries;
}

export async function readFiles(store: Store, entries: ReadonlyMap<string, Entry>): Promise<Map<string, Uint8Array>> {
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
export async function makeCommit(
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
