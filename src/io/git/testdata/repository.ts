import { execFileSync, spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Why git cannot be used by a test; undefined where it can. */
export const noGit = spawnSync("git", ["--version"]).status === 0 ? undefined : "git";

/** Content of a file; `program` makes it executable, `link` makes it a link to that. */
export type Content = string | Buffer | { readonly program: string } | { readonly link: string };

/** A repository on disk, with commands of git done in it. */
export interface Repository {
  readonly folder: string;
  git(...args: string[]): string;
  /** Writes the files and commits all; returns the commit. */
  commit(files: Readonly<Record<string, Content>>): Promise<string>;
}

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "tidemill-git-"));
}

export async function writeFiles(folder: string, files: Readonly<Record<string, Content>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const at = join(folder, path);
    await mkdir(dirname(at), { recursive: true });
    if (typeof content === "string" || Buffer.isBuffer(content)) await writeFile(at, content);
    else if ("link" in content) await symlink(content.link, at);
    else {
      await writeFile(at, content.program);
      await chmod(at, 0o755);
    }
  }
}

/** An empty repository whose first branch is `main`. */
export async function makeRepository(format: "sha1" | "sha256" = "sha1"): Promise<Repository> {
  const folder = await temporaryFolder();
  const env = {
    PATH: process.env["PATH"],
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "a",
    GIT_AUTHOR_EMAIL: "a@example.org",
    GIT_AUTHOR_DATE: "1700000000 +0000",
    GIT_COMMITTER_NAME: "a",
    GIT_COMMITTER_EMAIL: "a@example.org",
    GIT_COMMITTER_DATE: "1700000000 +0000",
  };
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: folder, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  git("init", "--quiet", "--initial-branch=main", `--object-format=${format}`);
  return {
    folder,
    git,
    commit: async (files) => {
      await writeFiles(folder, files);
      git("add", "--all");
      git("commit", "--quiet", "--allow-empty", "--message=change");
      return git("rev-parse", "HEAD");
    },
  };
}
