import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { createBranchWriter } from "./create-branch-writer.ts";
import type { BranchTip } from "./branch-store.ts";
import { makeRepository, noGit, temporaryFolder, type Repository } from "./testdata/repository.ts";

const real = needs(noGit);
const noSigner = spawnSync("ssh-keygen", ["-?"]).error === undefined ? undefined : "ssh-keygen";
const never = new AbortController().signal;
const made: string[] = [];
afterAll(() => Promise.all(made.map((path) => rm(path, { recursive: true, force: true }))));

const author = { name: "Tidemill", email: "tidemill@shop.example" };
const paths = ["a.yaml", "deploy/b.yaml"];

/** A bare repository with one branch, and a clone of a person's. */
async function site(format: "sha1" | "sha256" = "sha1") {
  const person: Repository = await makeRepository(format);
  const bare = await temporaryFolder();
  const dir = await temporaryFolder();
  made.push(person.folder, bare, dir);
  await person.commit({ "a.yaml": "n:\r\n", "deploy/b.yaml": "b", "c.yaml": "c", run: { program: "#!/bin/sh\n" } });
  person.git("clone", "--quiet", "--bare", person.folder, bare);
  person.git("remote", "add", "origin", bare);
  const git = (...args: string[]): string => person.git(`--git-dir=${bare}`, ...args);
  const writer = () => createBranchWriter({ dir, env: { PATH: process.env["PATH"], HOME: "/nonexistent" } });
  const source = { url: bare, branch: "main", paths };
  return { person, bare, dir, git, writer, source };
}

const text = (tip: Pick<BranchTip, "files">, path = "a.yaml"): string =>
  Buffer.from(tip.files.get(path) ?? []).toString();
const append = (line: string) => (tip: BranchTip) =>
  Promise.resolve({
    files: new Map([["a.yaml", Buffer.from(`${text(tip)}${line}\r\n`)]]),
    message: `adds ${line}\n`,
    author,
  });

describe("a branch writer", () => {
  for (const format of ["sha1", "sha256"] as const)
    real(`commits what was changed to a branch of ${format}, and nothing else`, async () => {
      const { git, writer, source, dir } = await site(format);
      const before = git("rev-parse", "main");
      const end = await writer().edit(source, append("x"), never);
      expect(end).toEqual({ kind: "pushed", commit: git("rev-parse", "main") });
      expect(git("log", "-1", "--format=%P|%an|%ae|%cn|%ce|%B", "main")).toBe(
        `${before}|Tidemill|tidemill@shop.example|Tidemill|tidemill@shop.example|adds x`,
      );
      expect(git("diff", "--raw", "--abbrev=1", before, "main")).toMatch(/^:100644 100644 \w+ \w+ M\ta\.yaml$/);
      expect(git("show", "main:a.yaml")).toBe("n:\r\nx");
      expect(await readdir(join(dir, "edits"))).toEqual([]);
    });

  real("proposes on a branch of its own, over nothing but its own commit, and takes it away", async () => {
    const { git, writer, source, person } = await site("sha256");
    const proposal = { ...source, head: "tidemill/a" };
    const mine = { url: source.url, head: "tidemill/a", email: author.email };
    await writer().withdraw(mine, never);
    const pushed = await writer().propose(proposal, append("x"), never);
    expect(pushed).toEqual({ kind: "pushed", commit: git("rev-parse", "tidemill/a") });
    expect(await writer().propose(proposal, append("x"), never)).toEqual({ ...pushed, kind: "unchanged" });
    expect(await writer().propose(proposal, () => Promise.resolve(undefined), never)).toEqual({ kind: "nothing" });
    expect(await writer().propose(proposal, append("y"), never)).toMatchObject({ kind: "pushed" });
    expect([git("show", "tidemill/a:a.yaml"), git("rev-list", "--count", "main..tidemill/a")]).toEqual([
      "n:\r\ny",
      "1",
    ]);
    person.git("fetch", "--quiet", "origin");
    person.git("checkout", "--quiet", "tidemill/a");
    const theirs = await person.commit({ "c.yaml": "mine" });
    person.git("push", "--quiet", "origin", "tidemill/a");
    expect(await writer().propose(proposal, append("z"), never)).toMatchObject({
      kind: "foreign",
      by: { commit: theirs },
    });
    await writer().withdraw(mine, never);
    expect(git("rev-parse", "tidemill/a")).toBe(theirs);
    await writer().withdraw({ ...mine, email: "a@example.org" }, never);
    expect(git("branch", "--list", "tidemill/a")).toBe("");
    await expect(writer().propose({ ...proposal, head: "a..b" }, append("x"), never)).rejects.toMatchObject({
      code: "BAD_SOURCE",
    });
  });

  real("makes no commit where there is nothing to change", async () => {
    const { git, writer, source } = await site();
    const before = git("rev-parse", "main");
    const same = (tip: BranchTip) => Promise.resolve({ files: tip.files, message: "none", author });
    expect(await writer().edit(source, same, never)).toEqual({ kind: "unchanged", commit: before });
    expect(await writer().edit(source, () => Promise.resolve(undefined), never)).toMatchObject({ kind: "unchanged" });
    expect(git("rev-parse", "main")).toBe(before);
  });

  real("reads what the branch names now, and not what is no file", async () => {
    const { person, writer, source } = await site();
    const own = writer();
    expect(text(await own.read(source, never))).toBe("n:\r\n");
    await person.commit({ "deploy/b.yaml": "new" });
    person.git("push", "--quiet", "origin", "main");
    expect(text(await own.read(source, never), "deploy/b.yaml")).toBe("new");
    await person.commit({ link: { link: "a.yaml" } });
    person.git("push", "--quiet", "origin", "main");
    const strange = { ...source, paths: ["link", "deploy", "gone", "*.yaml", ":(glob)**"] };
    expect((await own.read(strange, never)).files.size).toBe(0);
  });

  real(
    "FAULTS 28: ten writers on one branch all land, and none is forced",
    async () => {
      const { git, writer, source } = await site();
      git("config", "receive.denyNonFastForwards", "true");
      const before = git("rev-parse", "main");
      const names = Array.from({ length: 10 }, (_, at) => `w${at}`);
      const ends = await Promise.all(names.map((name) => writer().edit(source, append(name), never)));
      expect(ends.map(({ kind }) => kind)).toEqual(names.map(() => "pushed"));
      expect(git("show", "main:a.yaml").split("\r\n").slice(1).sort()).toEqual(names);
      // One line of history, from what was there to what is: nobody's commit was lost or replaced.
      expect(git("rev-list", "--first-parent", `${before}..main`).split("\n")).toHaveLength(10);
      for (const { commit } of ends) expect(git("merge-base", "--is-ancestor", commit, "main")).toBe("");
      expect(git("fsck", "--strict", "--no-dangling")).toBe("");
    },
    120_000,
  );

  real("does it again on what a person pushed meanwhile", async () => {
    const { person, git, writer, source } = await site();
    let asked = 0;
    const end = await writer().edit(
      source,
      async (tip) => {
        asked += 1;
        if (asked === 1) {
          await person.commit({ "a.yaml": "person:\r\n" });
          person.git("push", "--quiet", "origin", "main");
        }
        return append("x")(tip);
      },
      never,
    );
    expect(end.kind).toBe("pushed");
    expect(asked).toBe(2);
    expect(git("show", "main:a.yaml")).toBe("person:\r\nx");
  });

  real("signs no push, whatever the user's settings want", async () => {
    const { git, dir, source } = await site();
    await writeFile(
      join(dir, ".gitconfig"),
      "[push]\n\tgpgSign = true\n\tfollowTags = true\n[commit]\n\tgpgSign = true\n",
    );
    const writer = createBranchWriter({ dir, env: { PATH: process.env["PATH"], HOME: dir } });
    expect(await writer.edit(source, append("x"), never)).toMatchObject({ kind: "pushed" });
    expect(git("show", "main:a.yaml")).toBe("n:\r\nx");
  });

  needs(noGit ?? noSigner)("signs a commit by an SSH key, and makes none where it cannot", async () => {
    const { git, dir, writer, source } = await site();
    const key = join(dir, "key");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key]);
    await writeFile(join(dir, "signers"), `tidemill@shop.example ${await readFile(`${key}.pub`, "utf8")}`);
    const signed = (line: string, signingKey: string) => async (tip: BranchTip) => ({
      ...(await append(line)(tip)),
      signingKey,
    });
    const { commit } = await writer().edit(source, signed("x", key), never);
    git("-c", `gpg.ssh.allowedSignersFile=${join(dir, "signers")}`, "verify-commit", commit);
    expect(git("rev-parse", "main")).toBe(commit);

    await writeFile(join(dir, "broken"), "no key\n", { mode: 0o600 });
    for (const other of ["broken", "nothing"])
      await expect(writer().edit(source, signed("y", join(dir, other)), never)).rejects.toMatchObject({
        code: "NOT_SIGNED",
        message: expect.stringContaining(join(dir, other)),
      });
    execFileSync("ssh-keygen", ["-q", "-p", "-N", "a passphrase", "-f", key]);
    await rm(`${key}.pub`);
    await expect(writer().edit(source, signed("y", key), never)).rejects.toMatchObject({ code: "NOT_SIGNED" });
    expect(git("rev-parse", "main")).toBe(commit);
  });

  real("says so where the repository takes no push, and changes nothing", async () => {
    const { git, writer, source, bare } = await site();
    const before = git("rev-parse", "main");
    await mkdir(join(bare, "hooks"), { recursive: true });
    await writeFile(join(bare, "hooks", "pre-receive"), "#!/bin/sh\necho main is protected >&2\nexit 1\n", {
      mode: 0o755,
    });
    await expect(writer().edit(source, append("x"), never)).rejects.toMatchObject({
      code: "REFUSED",
      message: expect.stringMatching(/does not take a push to main: .*main is protected/s),
    });
    expect(git("rev-parse", "main")).toBe(before);
  });

  real("finds the commit by which a text came or went", async () => {
    const { person, writer, source } = await site();
    const find = (text: string) => {
      let found: unknown;
      const look = async (tip: BranchTip) => {
        found = await tip.lastCommitOf(text);
        return undefined;
      };
      return writer()
        .edit(source, look, never)
        .then(() => found);
    };
    expect(await find("gone")).toBeUndefined();
    const commit = await person.commit({ "a.yaml": "digest-1" });
    await person.commit({ "a.yaml": "digest-1\nmore" });
    await person.commit({ "c.yaml": "digest-1" });
    person.git("push", "--quiet", "origin", "main");
    expect(await find("digest-1")).toMatchObject({ commit, author: "a", committerEmail: "a@example.org" });
    // What lies further back than is fetched is not said to be the oldest commit's.
    for (let n = 0; n < 110; n += 1) person.git("commit", "--quiet", "--allow-empty", "--message=more");
    person.git("push", "--quiet", "origin", "main");
    expect(await find("digest-1")).toBeUndefined();
  });

  for (const [change, code, message] of [
    [{ branch: "gone" }, "UNKNOWN_REF", /has no branch gone/],
    [{ branch: "a..b" }, "BAD_SOURCE", /no name of a branch/],
    [{ url: "ext::sh -c x" }, "BAD_SOURCE", /none that can be fetched from/],
    [{ url: "/nowhere/at/all" }, "UNREACHABLE", /cannot be read/],
  ] as const)
    real(`of ${JSON.stringify(change)} says what is wrong`, async () => {
      const { writer, source } = await site();
      const failed = { code, message: expect.stringMatching(message) };
      await expect(writer().read({ ...source, ...change }, never)).rejects.toMatchObject(failed);
      await expect(writer().edit({ ...source, ...change }, append("x"), never)).rejects.toMatchObject(failed);
    });

  real("ends when it is told to, and removes what a killed process has left", async () => {
    const { writer, source, dir } = await site();
    await mkdir(join(dir, "edits", "old"), { recursive: true });
    await utimes(join(dir, "edits", "old"), 1, 1);
    await mkdir(join(dir, "edits", "young"));
    await writer().read(source, never);
    expect(await readdir(join(dir, "edits"))).toEqual(["young"]);
    const stop = new AbortController();
    const edit = writer().edit(
      source,
      (tip) => {
        stop.abort(new Error("stopped"));
        return append("x")(tip);
      },
      stop.signal,
    );
    await expect(edit).rejects.toThrow("stopped");
  });
});
