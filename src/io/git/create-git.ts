import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { messageOf, printable } from "../../lib/index.ts";
import { GitError } from "./error.ts";
import { exportTree } from "./export-tree.ts";
import { checkRef, checkSubdirectory, isCommit, parseGitUrl, type GitUrl } from "./git-url.ts";
import { createGitRunner, type GitRunner } from "./run-git.ts";
import { defaultGitLimits, type FetchedSource, type Git, type GitOptions, type GitSource } from "./types.ts";

const listBytes = 16 * 1_048_576;
const probeMs = 10_000;

/** Git repositories as sources, through the git program of this machine. */
export function createGit(options: GitOptions): Git {
  const { limits = defaultGitLimits, allowFiles = false, program = "git", dir } = options;
  const git = createGitRunner(options, limits);
  return {
    missing: async () => {
      try {
        const env = { PATH: options.env["PATH"] ?? "" };
        await promisify(execFile)(program, ["--version"], { timeout: probeMs, env });
        return undefined;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === "ENOENT"
          ? "git is not installed"
          : `git cannot be run: ${printable(messageOf(error).slice(0, 200))}`;
      }
    },
    watchGitRef: async (source, signal) => {
      const url = parseGitUrl(source.url, allowFiles);
      const ref = source.ref === undefined ? "HEAD" : checkRef(source.ref);
      if (isCommit(ref)) return ref;
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const names = ref === "HEAD" || ref.startsWith("refs/") ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
      // A tag's own object and the commit that it names are told apart by ^{}.
      const wanted = names.flatMap((name) => [name, `${name}^{}`]);
      const list = await git.text(
        ["ls-remote", "--quiet", "--", url.url, ...wanted],
        { source, url, cwd: dir, signal },
        listBytes,
      );
      return findCommit(list, names, ref, url);
    },
    fetchGitSource: async (source, commit, into, signal) => {
      const url = parseGitUrl(source.url, allowFiles);
      if (!isCommit(commit)) throw new GitError("BAD_REF", `"${printable(commit.slice(0, 100))}" is no commit`);
      const folder = source.subdirectory === undefined ? "" : checkSubdirectory(source.subdirectory);
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const work = await mkdtemp(join(dir, "git-"));
      try {
        const fetched = await fetchInto(git, { source, url, commit, folder, work, limits, signal });
        await mkdir(dirname(into), { recursive: true });
        await rename(join(work, "tree"), into);
        return fetched;
      } finally {
        await rm(work, { recursive: true, force: true, maxRetries: 3 });
      }
    },
  };
}

interface Fetching {
  readonly source: GitSource;
  readonly url: GitUrl;
  readonly commit: string;
  readonly folder: string;
  readonly work: string;
  readonly limits: NonNullable<GitOptions["limits"]>;
  readonly signal: AbortSignal | undefined;
}

async function fetchInto(git: GitRunner, fetching: Fetching): Promise<FetchedSource> {
  const { source, url, commit, folder, work, limits, signal } = fetching;
  const repository = join(work, "repository");
  await mkdir(repository);
  const run = { source, url, cwd: repository, signal, watched: repository };
  const format = commit.length === 64 ? ["--object-format=sha256"] : [];
  await git.text(["init", "--quiet", "--bare", "--template=", ...format, "."], { cwd: repository, signal }, listBytes);
  const fetch = (what: string): Promise<string> =>
    git.text(
      ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-auto-gc", "--", url.url, what],
      run,
      listBytes,
    );
  try {
    await fetch(commit);
  } catch (error) {
    // Older hosts give out only what a name stands for.
    if (
      !(error instanceof GitError) ||
      error.code !== "REF_NOT_FOUND" ||
      source.ref === undefined ||
      isCommit(source.ref)
    )
      throw error;
    await fetch(checkRef(source.ref));
    await git.text(["cat-file", "-e", commit], { cwd: repository, signal }, 4096).catch((cause: unknown) => {
      throw new GitError(
        "REF_MOVED",
        `${url.shown}: ${source.ref ?? "HEAD"} has moved since ${commit.slice(0, 12)} was seen`,
        { cause, retry: true },
      );
    });
  }
  return {
    commit,
    ...(await exportTree(git, { repository, commit, folder, into: join(work, "tree"), limits, url, signal })),
  };
}

function findCommit(list: string, names: readonly string[], ref: string, url: GitUrl): string {
  const found = new Map(
    list.split("\n").flatMap((line): [string, string][] => {
      const [id = "", name = ""] = line.split("\t");
      return isCommit(id) ? [[name, id]] : [];
    }),
  );
  const commits = names.flatMap((name) => found.get(`${name}^{}`) ?? found.get(name) ?? []);
  const [commit] = commits;
  if (commit === undefined)
    throw new GitError("REF_NOT_FOUND", `${url.shown} has no ${ref === "HEAD" ? "default branch" : ref}`, {
      hint: "Is it spelt right, and was it pushed?",
    });
  if (new Set(commits).size > 1)
    throw new GitError("AMBIGUOUS_REF", `${url.shown} has a branch and a tag ${ref}, of different commits`, {
      hint: `Write ${names.join(" or ")}.`,
    });
  return commit;
}
