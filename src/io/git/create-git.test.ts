import { execFile } from "node:child_process";
import { access, chmod, lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGit } from "./create-git.ts";
import { digestFolder, readSourceFile } from "./digest-folder.ts";
import { openGitSite, type GitSite, type MadeRepository } from "./testdata/git-site.ts";
import { defaultGitLimits, type FetchedSource, type Git, type GitLimits, type GitSource } from "./types.ts";

let site: GitSite;
let git: Git;
let made: MadeRepository;
let first: string;
let second: string;
let count = 0;
beforeAll(async () => {
  site = await openGitSite();
  git = open();
  made = await site.repository("app");
  first = await made.commit({
    Dockerfile: "FROM a\n",
    "services/web/a.txt": "one\n",
    "services/web/run.sh": "#!/bin/sh\n",
  });
  await made.git("tag", "v1");
  await made.git("tag", "--annotate", "--message=x", "v1-annotated");
  await chmod(join(made.path, "services/web/run.sh"), 0o755);
  await symlink("a.txt", join(made.path, "services/web/link"));
  second = await made.commit({ "services/web/a.txt": "two\n" });
  await made.git("branch", "feature/x", first);
});
afterAll(() => site.close());

function open(
  change: { limits?: Partial<GitLimits>; env?: Record<string, string>; allowFiles?: boolean; program?: string } = {},
): Git {
  const { limits, env, ...rest } = change;
  return createGit({
    allowFiles: true,
    dir: join(site.dir, "work"),
    ...rest,
    env: { ...site.env, ...env },
    limits: { ...defaultGitLimits, timeoutMs: 20_000, ...limits },
  });
}

async function fetch(source: GitSource, by = git, commit?: string): Promise<FetchedSource & { dir: string }> {
  count += 1;
  const dir = join(site.dir, "out", String(count));
  return { ...(await by.fetchGitSource(source, commit ?? (await by.watchGitRef(source)), dir)), dir };
}

const failure = async (work: Promise<unknown>): Promise<{ code: string; message: string }> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: "GitError" });
  expect(await readdir(join(site.dir, "work")).catch(() => [])).toEqual([]);
  return error as { code: string; message: string };
};

describe("a ref", () => {
  it("is watched without a download: branch, tag, annotated tag, full name, commit, default branch", async () => {
    const watch = (ref?: string): Promise<string> =>
      git.watchGitRef({ url: made.url, ...(ref === undefined ? {} : { ref }) });
    expect(await watch()).toBe(second);
    expect(await watch("main")).toBe(second);
    expect(await watch("feature/x")).toBe(first);
    expect(await watch("v1")).toBe(first);
    expect(await watch("v1-annotated")).toBe(first);
    expect(await watch("refs/tags/v1-annotated")).toBe(first);
    expect(await watch(first)).toBe(first);
    expect(await failure(watch("nothing"))).toMatchObject({ code: "REF_NOT_FOUND" });
    // `x` must not find `feature/x`.
    expect(await failure(watch("x"))).toMatchObject({ code: "REF_NOT_FOUND" });
  });

  it("that is a branch and a tag of different commits is refused, and its full name is taken", async () => {
    const two = await site.repository("two");
    const one = await two.commit({ a: "1" });
    await two.git("tag", "both");
    const other = await two.commit({ a: "2" });
    await two.git("branch", "both");
    expect(await failure(git.watchGitRef({ url: two.url, ref: "both" }))).toMatchObject({ code: "AMBIGUOUS_REF" });
    expect(await git.watchGitRef({ url: two.url, ref: "refs/tags/both" })).toBe(one);
    expect(await git.watchGitRef({ url: two.url, ref: "refs/heads/both" })).toBe(other);
  });
});

describe("a source", () => {
  it("is the files of exactly one commit, with their modes and links and nothing of git's", async () => {
    const { dir, commit, files, submodules, outside } = await fetch({ url: made.url });
    expect({ commit, files, submodules, outside }).toEqual({ commit: second, files: 3, submodules: [], outside: [] });
    expect((await readdir(dir, { recursive: true })).sort()).toEqual(
      [
        "Dockerfile",
        "services",
        "services/web",
        "services/web/a.txt",
        "services/web/link",
        "services/web/run.sh",
      ].sort(),
    );
    expect(await readFile(join(dir, "services/web/a.txt"), "utf8")).toBe("two\n");
    expect((await lstat(join(dir, "services/web/run.sh"))).mode & 0o777).toBe(0o755);
    expect(await readlink(join(dir, "services/web/link"))).toBe("a.txt");
  });

  it("is a subdirectory of an older commit, though the branch went on", async () => {
    const source = { url: made.url, ref: "main", subdirectory: "services/web" };
    const { dir, commit } = await fetch(source, git, first);
    expect(commit).toBe(first);
    expect((await readdir(dir)).sort()).toEqual(["a.txt", "run.sh"]);
    expect(await failure(fetch({ ...source, subdirectory: "services/nothing" }))).toMatchObject({ code: "NO_FOLDER" });
    expect(await failure(fetch({ ...source, subdirectory: "Dockerfile" }))).toMatchObject({ code: "NO_FOLDER" });
    expect(await failure(fetch({ url: made.url }, git, "0".repeat(40)))).toMatchObject({ code: "REF_NOT_FOUND" });
    expect(await failure(fetch(source, git, "0".repeat(40)))).toMatchObject({ code: "REF_MOVED" });
  });

  it("that is not there, is too large or too slow is told, and nothing is left", async () => {
    expect(await failure(git.watchGitRef({ url: `file://${site.dir}/none` }))).toMatchObject({ code: "UNREACHABLE" });
    expect(await failure(git.watchGitRef({ url: "http://127.0.0.1:1/a" }))).toMatchObject({ code: "UNREACHABLE" });
    expect(await failure(fetch({ url: made.url }, open({ limits: { files: 2 } })))).toMatchObject({
      code: "TOO_LARGE",
    });
    expect(await failure(fetch({ url: made.url }, open({ limits: { bytes: 10 } })))).toMatchObject({
      code: "TOO_LARGE",
    });
    expect(await failure(open({ limits: { timeoutMs: 1 } }).watchGitRef({ url: made.url }))).toMatchObject({
      code: "TIMEOUT",
    });
    const reason = new Error("enough");
    await expect(git.watchGitRef({ url: made.url }, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it("needs a git program, and says so", async () => {
    const none = open({ program: "git-that-is-not-there" });
    expect(await none.missing()).toBe("git is not installed");
    expect(await git.missing()).toBeUndefined();
    expect(await failure(none.watchGitRef({ url: made.url }))).toMatchObject({ code: "GIT_MISSING" });
  });
});

describe("credentials", () => {
  const authorization = (token: string): string => `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;

  it("come from a variable, for the repository's own host only, and are in no message", async () => {
    const seen: (string | undefined)[] = [];
    const elsewhere = await site.serve((given) => {
      seen.push(given);
      return false;
    });
    const host = await site.serve((given, url) =>
      given === authorization("s3cret-token")
        ? url.startsWith("/moved")
          ? `${elsewhere}${url}`
          : true
        : url.startsWith("/moved")
          ? `${elsewhere}${url}`
          : false,
    );
    const source = { url: `${host}/app/.git`, tokenEnv: "TOKEN" };
    const by = open({ env: { TOKEN: "s3cret-token\n" }, allowFiles: false });
    expect(await by.watchGitRef(source)).toBe(second);
    expect(await readFile(join((await fetch(source, by)).dir, "Dockerfile"), "utf8")).toBe("FROM a\n");
    for (const [wrong, url] of [
      [open({ env: { TOKEN: "other-token" } }), source.url],
      [open({ env: {} }), source.url],
      [by, `${host}/moved/.git`],
    ] as const) {
      const error = await failure(wrong.watchGitRef({ ...source, url }));
      expect(error.code).toBe("UNAUTHORIZED");
      expect(JSON.stringify(error) + error.message).not.toMatch(/s3cret|other-token/);
    }
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.every((given) => given === undefined)).toBe(true);
  });

  it("come from the user's own helper where no variable is named", async () => {
    const host = await site.serve((given) => given === `Basic ${Buffer.from("me:from-helper").toString("base64")}`);
    await writeFile(
      join(site.dir, "home/.gitconfig"),
      `[credential]\n\thelper = "!f() { echo username=me; echo password=from-helper; }; f"\n`,
    );
    expect(await git.watchGitRef({ url: `${host}/app/.git` })).toBe(second);
    await writeFile(join(site.dir, "home/.gitconfig"), "");
  });
});

describe("a hostile repository", () => {
  const canary = (): string => join(site.dir, "canary");
  const blob = (repository: MadeRepository, text: string): Promise<string> =>
    repository.object("blob", Buffer.from(text));

  it.each<[string, (id: string) => readonly { mode: string; name: string; id: string }[]]>([
    ["a file named ..", (id) => [{ mode: "100644", name: "..", id }]],
    ["a file named .git", (id) => [{ mode: "100644", name: ".git", id }]],
    ["a file named .GIT", (id) => [{ mode: "100644", name: ".GIT", id }]],
    ["a slash in a name", (id) => [{ mode: "100644", name: "../../canary", id }]],
    ["an absolute name", (id) => [{ mode: "100644", name: "/tmp/canary", id }]],
    ["an empty name", (id) => [{ mode: "100644", name: "", id }]],
    [
      "a name twice",
      (id) => [
        { mode: "120000", name: "a", id },
        { mode: "100644", name: "a", id },
      ],
    ],
  ])("with %s is refused", async (what, entries) => {
    const bad = await site.repository(`bad-${what.replaceAll(/\W/g, "-")}`);
    await bad.rawCommit(entries(await blob(bad, `../../canary`)));
    const { code } = await failure(fetch({ url: bad.url }));
    expect(code).toBe("BAD_TREE");
    await expect(access(canary())).rejects.toThrow();
    expect(await readdir(join(site.dir, "out"))).not.toContain("canary");
  });

  it("with a link and a file below it writes nowhere else", async () => {
    const bad = await site.repository("through");
    await mkdir(join(site.dir, "target"));
    const file = await bad.object(
      "tree",
      Buffer.concat([Buffer.from("100644 x\0"), Buffer.from(await blob(bad, "x"), "hex")]),
    );
    const link = await blob(bad, join(site.dir, "target"));
    await bad.rawCommit([
      { mode: "120000", name: "a", id: link },
      { mode: "40000", name: "a", id: file },
    ]);
    await fetch({ url: bad.url }).catch(() => undefined);
    expect(await readdir(join(site.dir, "target"))).toEqual([]);
  });

  it("with links out of its folder is laid out without them; they are named", async () => {
    const bad = await site.repository("links");
    for (const [name, target] of [
      ["inside", "b"],
      ["up", "../secret"],
      ["absolute", "/etc/passwd"],
      ["deep/up", "../../x"],
      ["deep/ok", "../b"],
    ] as const) {
      await mkdir(join(bad.path, "deep"), { recursive: true });
      await symlink(target, join(bad.path, name));
    }
    await bad.commit({ b: "b" });
    const { dir, outside } = await fetch({ url: bad.url });
    expect([...outside].sort()).toEqual(["absolute", "deep/up", "up"]);
    expect((await readdir(dir, { recursive: true })).sort()).toEqual(["b", "deep", "deep/ok", "inside"]);
  });

  it("with submodules, filters, attributes and hooks makes git run and fetch nothing", async () => {
    const bad = await site.repository("tricks");
    await bad.commit({
      ".gitattributes": "* filter=evil\n*.bin filter=lfs\nsecret export-ignore\n",
      "a.bin": "version https://git-lfs.github.com/spec/v1\n",
      secret: "kept\n",
      ".lfsconfig": "[lfs]\n\turl = http://127.0.0.1:1\n",
      ".gitmodules": `[submodule "m"]\n\tpath = m\n\turl = file://${made.path}\n`,
    });
    await bad.git("update-index", "--add", "--cacheinfo", `160000,${first},m`);
    await bad.git("commit", "--quiet", "--message=m");
    await mkdir(join(bad.path, ".git/hooks"), { recursive: true });
    for (const hook of ["post-checkout", "post-upload-pack", "reference-transaction"]) {
      await writeFile(join(bad.path, ".git/hooks", hook), `#!/bin/sh\ntouch ${canary()}\n`, { mode: 0o755 });
    }
    await writeFile(
      join(site.dir, "home/.gitconfig"),
      `[filter "evil"]\n\tsmudge = touch ${canary()}\n[core]\n\thooksPath = ${join(bad.path, ".git/hooks")}\n`,
    );
    const { dir, submodules } = await fetch({ url: bad.url });
    await writeFile(join(site.dir, "home/.gitconfig"), "");
    expect(submodules).toEqual(["m"]);
    expect(await readdir(join(dir, "m"))).toEqual([]);
    expect(await readFile(join(dir, "a.bin"), "utf8")).toContain("git-lfs");
    expect(await readFile(join(dir, "secret"), "utf8")).toBe("kept\n");
    await expect(access(canary())).rejects.toThrow();
  });

  it("with .gitmodules that would run a program is refused", async () => {
    const bad = await site.repository("modules");
    await bad.commit({ ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch /tmp/x\n' });
    expect(await failure(fetch({ url: bad.url }))).toMatchObject({ code: "BAD_TREE" });
  });

  it("that grows while it is fetched is cut off", async () => {
    const bad = await site.repository("large");
    const random = (
      await promisify(execFile)("head", ["-c", "60000000", "/dev/urandom"], { encoding: "buffer", maxBuffer: 2 ** 27 })
    ).stdout;
    await writeFile(join(bad.path, "large"), random);
    await bad.commit({});
    expect(await failure(fetch({ url: bad.url }, open({ limits: { bytes: 1_000_000 } })))).toMatchObject({
      code: "TOO_LARGE",
    });
  });

  it("is never asked for by a kind of address that is not allowed, whatever the user's settings say", async () => {
    await writeFile(
      join(site.dir, "home/.gitconfig"),
      `[protocol]\n\tallow = always\n[url "ext::sh -c touch% ${canary()}% "]\n\tinsteadOf = https://git.invalid/\n`,
    );
    expect((await failure(open({ allowFiles: false }).watchGitRef({ url: "https://git.invalid/a" }))).code).toBe(
      "BAD_URL",
    );
    expect((await failure(open({ allowFiles: false }).watchGitRef({ url: made.url }))).code).toBe("BAD_URL");
    await writeFile(join(site.dir, "home/.gitconfig"), "");
    await expect(access(canary())).rejects.toThrow();
  });
});

describe("the digest of a folder", () => {
  const folder = async (files: Readonly<Record<string, string>>): Promise<string> => {
    count += 1;
    const dir = join(site.dir, `folder-${count}`);
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(dir, path, ".."), { recursive: true });
      await writeFile(join(dir, path), text);
    }
    return dir;
  };

  it("is of names, modes and content, and of nothing else", async () => {
    const files = { a: "1", "b/c": "2" };
    const one = await digestFolder(await folder(files));
    expect(await digestFolder(await folder(files))).toBe(one);
    expect(await digestFolder(await folder({ ...files, a: "x" }))).not.toBe(one);
    expect(await digestFolder(await folder({ a: "1", "b/d": "2" }))).not.toBe(one);
    expect(await digestFolder(await folder({ a: "12", "b/c": "" }))).not.toBe(
      await digestFolder(await folder({ a: "1", "b/c": "2" })),
    );
    const changed = await folder(files);
    await chmod(join(changed, "a"), 0o700);
    expect(await digestFolder(changed)).not.toBe(one);
    const linked = await folder(files);
    await symlink("/etc/passwd", join(linked, "l"));
    const other = await folder(files);
    await symlink("/etc/group", join(other, "l"));
    expect(await digestFolder(linked)).not.toBe(await digestFolder(other));
  });

  it("leaves out what .dockerignore does, or the rules that are given", async () => {
    const rules = { ".dockerignore": "node_modules\n*.log\n!keep.log\n.dockerignore\n" };
    const one = await digestFolder(await folder({ ...rules, a: "1", "keep.log": "k" }));
    expect(
      await digestFolder(await folder({ ...rules, a: "1", "keep.log": "k", "x.log": "x", "node_modules/y": "y" })),
    ).toBe(one);
    expect(await digestFolder(await folder({ ...rules, a: "1", "keep.log": "changed" }))).not.toBe(one);
    const all = await folder({ a: "1", b: "2" });
    expect(await digestFolder(all, { ignoreFile: "b" })).toBe(
      await digestFolder(await folder({ a: "1" }), { ignoreFile: "b" }),
    );
  });

  it("has limits", async () => {
    const dir = await folder({ a: "1", b: "2", c: "3".repeat(100) });
    await expect(digestFolder(dir, { limits: { files: 2, bytes: 1000 } })).rejects.toMatchObject({ code: "TOO_LARGE" });
    await expect(digestFolder(dir, { limits: { files: 20, bytes: 50 } })).rejects.toMatchObject({ code: "TOO_LARGE" });
    await expect(digestFolder(dir, { signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
  });

  it("a file of a source is read only inside it", async () => {
    const dir = await folder({ Dockerfile: "FROM a\n", "sub/x": "x" });
    await symlink("/etc/passwd", join(dir, "out"));
    await symlink("../Dockerfile", join(dir, "sub/in"));
    expect(await readSourceFile(dir, "Dockerfile", 100)).toBe("FROM a\n");
    expect(await readSourceFile(dir, "sub/in", 100)).toBe("FROM a\n");
    expect(await readSourceFile(dir, "nothing", 100)).toBeUndefined();
    for (const path of ["out", "../../etc/passwd", "/../../etc/passwd", ".", "sub"])
      await expect(
        readSourceFile(dir, path, 1000).then((text) =>
          text === undefined ? Promise.reject(Object.assign(new Error(), { code: "BAD_PATH" })) : text,
        ),
      ).rejects.toMatchObject({ code: "BAD_PATH" });
    await expect(readSourceFile(dir, "Dockerfile", 3)).rejects.toMatchObject({ code: "TOO_LARGE" });
  });
});
