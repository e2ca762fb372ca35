import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { lstat, mkdir, readdir, readFile, readlink, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../../../test/needs.ts";
import { createGit, type GitLimits } from "./create-git.ts";
import { makeRepository, noGit, temporaryFolder, type Repository } from "./testdata/repository.ts";

const real = needs(noGit);
const made: string[] = [];
const never = new AbortController().signal;

async function folder(): Promise<string> {
  const path = await temporaryFolder();
  made.push(path);
  return path;
}

async function repository(format?: "sha256"): Promise<Repository> {
  const repo = await makeRepository(format);
  made.push(repo.folder);
  return repo;
}

const env = (more: Record<string, string> = {}) => ({ PATH: process.env["PATH"], HOME: "/nonexistent", ...more });

async function fresh(limits: Partial<GitLimits> = {}, more: Record<string, string> = {}) {
  const dir = join(await folder(), "git");
  return { dir, git: createGit({ dir, env: env(more), limits }) };
}

/** Everything below the folder of sources, but what is in trees. */
async function leftIn(dir: string): Promise<string[]> {
  const names: string[] = [];
  for (const repo of await readdir(dir)) names.push(...(await readdir(join(dir, repo))));
  return names;
}

afterAll(() => Promise.all(made.map((path) => rm(path, { recursive: true, force: true }))));

describe("missing", () => {
  real("says nothing where git is there", async () => {
    expect(await (await fresh()).git.missing()).toBeUndefined();
  });

  it("says what to install where it is not", async () => {
    const git = createGit({ dir: await folder(), env: { PATH: await folder() } });
    expect(await git.missing()).toMatch(/git is not there: install Git 2\.30/);
  });

  it("says that it is too old", async () => {
    const path = await folder();
    await writeFile(join(path, "git"), "#!/bin/sh\necho git version 2.11.0\n", { mode: 0o755 });
    expect(await createGit({ dir: path, env: { PATH: path } }).missing()).toMatch(/git 2\.11 is too old/);
  });
});

describe("look", () => {
  let repo: Repository;
  let first: string;
  let second: string;
  beforeAll(async () => {
    if (noGit !== undefined) return;
    repo = await repository();
    first = await repo.commit({ Dockerfile: "FROM scratch\n" });
    repo.git("tag", "light");
    repo.git("tag", "--annotate", "--message=m", "v1.0");
    repo.git("branch", "side");
    repo.git("update-ref", "refs/pull/1/head", "HEAD");
    second = await repo.commit({ a: "a" });
    repo.git("branch", "feature/x");
    repo.git("tag", "both", first);
    repo.git("branch", "both", second);
  });

  real("finds branches, tags, HEAD and full names; a branch goes before a tag", async () => {
    const { git } = await fresh();
    const look = (ref: string) => git.look({ url: repo.folder, ref }, never);
    expect(await look("main")).toBe(second);
    expect(await look("HEAD")).toBe(second);
    expect(await look("side")).toBe(first);
    expect(await look("feature/x")).toBe(second);
    expect(await look("light")).toBe(first);
    expect(await look("v1.0")).toBe(first);
    expect(await look("refs/tags/v1.0")).toBe(first);
    expect(await look("refs/pull/1/head")).toBe(first);
    expect(await look("both")).toBe(second);
    expect(await look("refs/tags/both")).toBe(first);
    expect(await git.look({ url: `file://${repo.folder}`, ref: "main" }, never)).toBe(second);
  });

  real("follows a branch that moves, and moves back", async () => {
    const { git } = await fresh();
    const look = () => git.look({ url: repo.folder, ref: "moving" }, never);
    repo.git("branch", "moving", first);
    expect(await look()).toBe(first);
    repo.git("branch", "--force", "moving", second);
    expect(await look()).toBe(second);
    repo.git("branch", "--force", "moving", first);
    expect(await look()).toBe(first);
  });

  it("takes a whole commit id for itself, without asking", async () => {
    const { git } = await fresh();
    const ref = "A".repeat(40);
    expect(await git.look({ url: "https://nowhere.invalid/a", ref }, never)).toBe("a".repeat(40));
  });

  real("says which ref is unknown, and that a commit needs its whole id", async () => {
    const { git } = await fresh();
    await expect(git.look({ url: repo.folder, ref: "nothing" }, never)).rejects.toMatchObject({
      code: "UNKNOWN_REF",
      message: `${repo.folder} has no branch or tag nothing`,
    });
    await expect(git.look({ url: repo.folder, ref: first.slice(0, 12) }, never)).rejects.toMatchObject({
      code: "UNKNOWN_REF",
      hint: expect.stringContaining("whole id") as string,
    });
  });

  real("says that there is no repository", async () => {
    const { git } = await fresh();
    await expect(git.look({ url: "/nonexistent/repo", ref: "main" }, never)).rejects.toMatchObject({
      code: "UNREACHABLE",
      message: expect.stringContaining("/nonexistent/repo") as string,
      retry: true,
    });
  });
});

describe("fetch", () => {
  real("brings the files of one commit and nothing else, with its modes and its time", async () => {
    const repo = await repository();
    const commit = await repo.commit({
      Dockerfile: "FROM scratch\n",
      "sub/run.sh": { program: "#!/bin/sh\n" },
      "sub/link": { link: "../Dockerfile" },
    });
    await repo.commit({ Dockerfile: "FROM later\n" });
    const { git, dir } = await fresh();
    const tree = await git.fetch({ url: repo.folder, ref: "main", commit, subdirectory: "sub" }, never);
    expect((await readdir(tree, { recursive: true })).sort()).toEqual(["Dockerfile", "sub", "sub/link", "sub/run.sh"]);
    expect(await readFile(join(tree, "Dockerfile"), "utf8")).toBe("FROM scratch\n");
    expect(await readlink(join(tree, "sub/link"))).toBe("../Dockerfile");
    expect((await stat(join(tree, "Dockerfile"))).mode & 0o777).toBe(0o644);
    expect((await stat(join(tree, "sub/run.sh"))).mode & 0o777).toBe(0o755);
    for (const path of ["", "sub", "sub/link", "Dockerfile"])
      expect((await lstat(join(tree, path))).mtimeMs).toBe(1_700_000_000_000);
    expect(await leftIn(dir)).toEqual([commit]);
  });

  real("brings a commit of a SHA-256 repository", async () => {
    const repo = await repository("sha256");
    const commit = await repo.commit({ a: "a" });
    const { git } = await fresh();
    expect(await git.look({ url: repo.folder, ref: "main" }, never)).toBe(commit);
    const tree = await git.fetch({ url: repo.folder, ref: "main", commit }, never);
    expect(await readFile(join(tree, "a"), "utf8")).toBe("a");
  });

  real("asks once: a second fetch needs no repository, and two at once are one", async () => {
    const repo = await repository();
    const commit = await repo.commit({ a: "a" });
    const { git, dir } = await fresh();
    const source = { url: repo.folder, ref: "main", commit };
    const [one, two] = await Promise.all([git.fetch(source, never), git.fetch(source, never)]);
    await rm(join(repo.folder, ".git"), { recursive: true });
    expect(two).toBe(one);
    expect(await git.fetch(source, never)).toBe(one);
    expect(await createGit({ dir, env: env() }).fetch(source, never)).toBe(one);
  });

  real("names the commit that the repository does not have", async () => {
    const repo = await repository();
    await repo.commit({ a: "a" });
    const { git, dir } = await fresh();
    const commit = "1".repeat(40);
    for (const ref of ["main", commit])
      await expect(git.fetch({ url: repo.folder, ref, commit }, never)).rejects.toMatchObject({
        code: "UNKNOWN_COMMIT",
        message: expect.stringContaining(commit) as string,
      });
    expect(await leftIn(dir)).toEqual([]);
  });

  real("refuses what is no commit", async () => {
    const repo = await repository();
    await repo.commit({ a: "a" });
    const blob = repo.git("rev-parse", "HEAD:a");
    const { git } = await fresh();
    await expect(git.fetch({ url: repo.folder, ref: blob, commit: blob }, never)).rejects.toMatchObject({
      code: "UNKNOWN_COMMIT",
      message: expect.stringContaining("it is a blob") as string,
    });
  });

  real("refuses a subdirectory that is not there, is no folder, or lies outside", async () => {
    const repo = await repository();
    const commit = await repo.commit({ "a/b": "b", up: { link: "a/.." }, down: { link: "a" } });
    const { git } = await fresh();
    const fetch = (subdirectory: string) => git.fetch({ url: repo.folder, ref: "main", commit, subdirectory }, never);
    await expect(fetch("c")).rejects.toMatchObject({ code: "NO_SUBDIRECTORY" });
    await expect(fetch("a/b")).rejects.toMatchObject({ code: "NO_SUBDIRECTORY" });
    await expect(fetch("../a")).rejects.toMatchObject({ code: "BAD_SOURCE" });
    await expect(fetch("down")).resolves.toMatch(/tree$/);
    const tree = await fetch("up");
    await rm(join(tree, "down"));
    await symlink("/etc", join(tree, "down"));
    await expect(fetch("down")).rejects.toMatchObject({ code: "NO_SUBDIRECTORY" });
  });

  real("refuses links that lead out, by name", async () => {
    for (const [link, path] of [
      ["/etc/passwd", "a"],
      ["../../x", "sub/a"],
      ["b/../../..", "sub/a"],
    ] as const) {
      const repo = await repository();
      const commit = await repo.commit({ [path]: { link } });
      const { git, dir } = await fresh();
      await expect(git.fetch({ url: repo.folder, ref: "main", commit }, never)).rejects.toMatchObject({
        code: "UNSAFE_TREE",
        message: expect.stringContaining(`the link ${path} leads out of the repository, to ${link}`) as string,
      });
      expect(await leftIn(dir)).toEqual([]);
    }
  });

  real("refuses a context with a submodule, and serves the folder beside it", async () => {
    const repo = await repository();
    await repo.commit({ "app/Dockerfile": "FROM scratch\n" });
    repo.git("update-index", "--add", "--cacheinfo", `160000,${"2".repeat(40)},vendor/lib`);
    repo.git("commit", "--quiet", "--message=submodule");
    const commit = repo.git("rev-parse", "HEAD");
    const { git } = await fresh();
    const source = { url: repo.folder, ref: "main", commit };
    for (const each of [source, { ...source, subdirectory: "vendor" }, { ...source, subdirectory: "vendor/lib" }])
      await expect(git.fetch(each, never)).rejects.toMatchObject({
        code: "SUBMODULE",
        message: expect.stringContaining("vendor/lib is a submodule") as string,
      });
    await expect(git.fetch({ ...source, subdirectory: "app" }, never)).resolves.toMatch(/tree$/);
  });

  real("runs no hook and no filter of the user's settings, and leaves pointers of large files", async () => {
    const home = await folder();
    const proof = join(home, "proof");
    await mkdir(join(home, "hooks"));
    for (const hook of ["post-checkout", "reference-transaction", "post-index-change"])
      await writeFile(join(home, "hooks", hook), `#!/bin/sh\necho ${hook} >> ${proof}\n`, { mode: 0o755 });
    await writeFile(
      join(home, ".gitconfig"),
      `[core]\n\thooksPath = ${home}/hooks\n\tfsmonitor = touch ${proof}\n\tautocrlf = true\n` +
        `[filter "lfs"]\n\tsmudge = touch ${proof}\n\tprocess = touch ${proof}\n\trequired = true\n`,
    );
    const repo = await repository();
    const commit = await repo.commit({ ".gitattributes": "*.bin filter=lfs\n", "a.bin": "pointer\n", text: "a\nb\n" });
    const { git } = await fresh({}, { HOME: home });
    const tree = await git.fetch({ url: repo.folder, ref: "main", commit }, never);
    expect(await readFile(join(tree, "a.bin"), "utf8")).toBe("pointer\n");
    expect(await readFile(join(tree, "text"), "utf8")).toBe("a\nb\n");
    expect(existsSync(proof)).toBe(false);
  });

  real("stops at the limit of files, of bytes, and of bytes on the line", async () => {
    const repo = await repository();
    const commit = await repo.commit({ "a/b": "b", zeros: Buffer.alloc(3_000_000) });
    const source = { url: repo.folder, ref: "main", commit };
    const few = await fresh({ files: 2 });
    await expect(few.git.fetch(source, never)).rejects.toMatchObject({
      code: "TOO_LARGE",
      message: expect.stringContaining("more than 2 files") as string,
    });
    const small = await fresh({ bytes: 1_000_000 });
    await expect(small.git.fetch(source, never)).rejects.toMatchObject({
      code: "TOO_LARGE",
      message: expect.stringContaining("larger than 1.0 MB at zeros") as string,
    });
    const noise = randomBytes(2_000_000);
    const packed = await repo.commit({ noise });
    await expect(small.git.fetch({ ...source, commit: packed }, never)).rejects.toMatchObject({ code: "TOO_LARGE" });
    expect([...(await leftIn(few.dir)), ...(await leftIn(small.dir))]).toEqual([]);
  });

  real("keeps the commits that were used last, and those that are in use", async () => {
    const repo = await repository();
    const commits: string[] = [];
    for (const content of ["a", "b", "c", "d"]) commits.push(await repo.commit({ content }));
    const { git, dir } = await fresh({ kept: 2, idleMs: 3_600_000 });
    const fetch = (commit: string) => git.fetch({ url: repo.folder, ref: "main", commit }, never);
    for (const commit of commits.slice(0, 3)) await fetch(commit);
    expect((await leftIn(dir)).sort()).toEqual(commits.slice(0, 3).sort());
    const [key = ""] = await readdir(dir);
    const old = new Date(Date.now() - 7_200_000);
    for (const commit of commits.slice(0, 2)) await utimes(join(dir, key, commit), old, old);
    await fetch(commits[0] as string);
    await fetch(commits[3] as string);
    expect(new Set(await leftIn(dir))).toEqual(new Set([commits[0], commits[2], commits[3]]));
  });

  real("believes no tree of before the system went down, and removes what a killed process left", async () => {
    const repo = await repository();
    const commit = await repo.commit({ a: "a" });
    const { git, dir } = await fresh();
    const source = { url: repo.folder, ref: "main", commit };
    const tree = await git.fetch(source, never);
    await writeFile(join(tree, "a"), "");
    await writeFile(join(tree, "../note.json"), JSON.stringify({ submodules: [], boot: "another" }));
    const left = join(tree, "../../.aside-left");
    await mkdir(left);
    const old = new Date(Date.now() - 86_400_000);
    await utimes(left, old, old);
    expect(await git.fetch(source, never)).toBe(tree);
    expect(await readFile(join(tree, "a"), "utf8")).toBe("a");
    expect(await leftIn(dir)).toEqual([commit]);
  });

  real("says that its folder cannot be written", async () => {
    const repo = await repository();
    const commit = await repo.commit({ a: "a" });
    const file = join(await folder(), "file");
    await writeFile(file, "");
    const git = createGit({ dir: join(file, "git"), env: env() });
    await expect(git.fetch({ url: repo.folder, ref: "main", commit }, never)).rejects.toMatchObject({
      code: "DISK_FAILED",
      message: expect.stringContaining(file) as string,
    });
  });
});

describe("over ssh", () => {
  real("the user's command is used, and asks for nothing", async () => {
    const repo = await repository();
    const commit = await repo.commit({ a: "a" });
    const home = await folder();
    // Does here what it was asked to do there.
    const script = `#!/bin/sh\necho "$*" >> ${home}/seen\nfor last; do :; done\nexec sh -c "$last"\n`;
    await writeFile(join(home, "ssh"), script, { mode: 0o755 });
    const { git } = await fresh({}, { GIT_SSH_COMMAND: `${home}/ssh -i key`, SSH_AUTH_SOCK: "/agent" });
    for (const url of [`ssh://git@example.org:2222${repo.folder}`, `git@example.org:${repo.folder}`]) {
      expect(await git.look({ url, ref: "main" }, never)).toBe(commit);
      const tree = await git.fetch({ url, ref: "main", commit }, never);
      expect(await readFile(join(tree, "a"), "utf8")).toBe("a");
    }
    const seen = await readFile(join(home, "seen"), "utf8");
    expect(seen).toMatch(/^-i key -o BatchMode=yes -o ConnectTimeout=30 .*git@example\.org git-upload-pack/);
  });
});

describe("what the user's settings turn an address into", () => {
  real("is not run as a program", async () => {
    const home = await folder();
    await writeFile(
      join(home, ".gitconfig"),
      `[url "ext::touch ${home}/proof "]\n\tinsteadOf = https://example.org/\n[protocol "ext"]\n\tallow = always\n`,
    );
    const { git } = await fresh({}, { HOME: home });
    await expect(git.look({ url: "https://example.org/a", ref: "main" }, never)).rejects.toMatchObject({
      code: "UNREACHABLE",
      message: expect.stringContaining("transport 'ext' not allowed") as string,
    });
    expect(existsSync(join(home, "proof"))).toBe(false);
  });
});
