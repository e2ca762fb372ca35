import { execFileSync } from "node:child_process";
import { chmod, mkdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readFolderKey } from "./read-folder-key.ts";
import { temporaryFolder, writeFiles, type Content } from "./testdata/repository.ts";

const made: string[] = [];
const never = new AbortController().signal;

async function folderOf(files: Readonly<Record<string, Content>>): Promise<string> {
  const folder = await temporaryFolder();
  made.push(folder);
  await writeFiles(folder, { Dockerfile: "FROM scratch\n", ...files });
  return folder;
}

const key = (folder: string, dockerfile = "Dockerfile") => readFolderKey(folder, dockerfile, never);

afterAll(() => Promise.all(made.map((path) => rm(path, { recursive: true, force: true }))));

describe("the key of a folder", () => {
  const files = { "a/b": "b", "a/run": { program: "x" }, link: { link: "a" } } as const;

  it.each<[string, (folder: string) => Promise<unknown>]>([
    ["content", (folder) => writeFile(join(folder, "a/b"), "c")],
    ["a name", (folder) => rename(join(folder, "a/b"), join(folder, "a/c"))],
    ["a new file", (folder) => writeFile(join(folder, "new"), "")],
    ["a new empty folder", (folder) => mkdir(join(folder, "empty"))],
    ["an executable bit", (folder) => chmod(join(folder, "a/run"), 0o644)],
    [
      "the target of a link",
      (folder) => rm(join(folder, "link")).then(() => writeFiles(folder, { link: { link: "b" } })),
    ],
    [
      "a file in place of a link",
      (folder) => rm(join(folder, "link")).then(() => writeFile(join(folder, "link"), "a")),
    ],
    ["the Dockerfile", (folder) => writeFile(join(folder, "Dockerfile"), "FROM other\n")],
  ])("changes with %s", async (_, change) => {
    const folder = await folderOf(files);
    const before = await key(folder);
    await change(folder);
    expect(await key(folder)).not.toBe(before);
  });

  it("does not change with times, other bits, the folder's place, what is behind a link, or .git", async () => {
    const outside = await folderOf({ file: "a" });
    const linked = { ...files, out: { link: join(outside, "file") } };
    const [one, two] = [await folderOf(linked), await folderOf(linked)];
    await utimes(join(two, "a/b"), 1, 1);
    await chmod(join(two, "a/b"), 0o600);
    await writeFiles(two, { ".git/HEAD": "x", "a/.git": "gitdir: elsewhere" });
    const before = await key(one);
    await writeFile(join(outside, "file"), "b");
    expect(await key(two)).toBe(before);
    expect(await key(one)).toBe(before);
  });

  it("tells names and contents apart, whatever they hold", async () => {
    const keys = await Promise.all(
      [{ a: "b", c: "d" }, { a: 'b"],["file","c"', c: "d" }, { "a\nb": "c" }, { a: { link: "b\nc" } }].map(
        async (each) => key(await folderOf(each)),
      ),
    );
    expect(new Set(keys).size).toBe(4);
  });
});

describe("what is neither file, folder nor link", () => {
  it("does not count, and nobody waits for it", async () => {
    const folder = await folderOf({ a: "a" });
    const before = await key(folder);
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, "socket"), resolve));
    expect(await key(folder)).toBe(before);
    server.close();
  });

  it("is no Dockerfile and no .dockerignore", async () => {
    const folder = await folderOf({});
    execFileSync("mkfifo", [join(folder, "Pipe")]);
    await expect(key(folder, "Pipe")).rejects.toMatchObject({ code: "UNREADABLE" });
    await writeFiles(folder, { Zero: { link: "/dev/zero" } });
    await expect(key(folder, "Zero")).rejects.toMatchObject({ code: "UNREADABLE" });
    await writeFiles(folder, { ".dockerignore": { link: "/dev/zero" } });
    await expect(key(folder)).rejects.toMatchObject({ code: "TOO_LARGE" });
  });

  it("is a name that is not UTF-8: refused, unless it is left out", async () => {
    const folder = await folderOf({ "b/x": "" });
    await writeFile(Buffer.concat([Buffer.from(join(folder, "b/")), Buffer.of(0xff)]), "");
    await expect(key(folder)).rejects.toMatchObject({ code: "UNREADABLE" });
    await writeFile(join(folder, ".dockerignore"), "b");
    await expect(key(folder)).resolves.toMatch(/^sha256:/);
  });
});

describe("what .dockerignore leaves out", () => {
  it("does not count, what it brings back does, and the Dockerfile always does", async () => {
    const folder = await folderOf({ ".dockerignore": "out\nDockerfile\n!out/in\n", "out/a": "a", "out/in": "b" });
    const before = await key(folder);
    await writeFile(join(folder, "out/a"), "changed");
    await writeFile(join(folder, "out/more"), "new");
    expect(await key(folder)).toBe(before);
    await writeFile(join(folder, "out/in"), "changed");
    const brought = await key(folder);
    expect(brought).not.toBe(before);
    await writeFile(join(folder, "Dockerfile"), "FROM other\n");
    expect(await key(folder)).not.toBe(brought);
  });

  it("is what stands beside the Dockerfile, where there is one", async () => {
    const folder = await folderOf({
      ".dockerignore": "one",
      "docker/Web": "FROM scratch\n",
      "docker/Web.dockerignore": "two",
      one: "1",
      two: "2",
    });
    const before = await key(folder, "docker/Web");
    await writeFile(join(folder, "two"), "changed");
    expect(await key(folder, "docker/Web")).toBe(before);
    await writeFile(join(folder, "one"), "changed");
    expect(await key(folder, "docker/Web")).not.toBe(before);
  });
});

describe("a folder that cannot be built from", () => {
  it.each<[string, string, string]>([
    ["no Dockerfile", "Missing", "UNREADABLE"],
    ["a folder in its place", "a", "UNREADABLE"],
  ])("is named: %s", async (_, dockerfile, code) => {
    const folder = await folderOf({ "a/b": "b" });
    await expect(key(folder, dockerfile)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(join(folder, dockerfile)) as string,
    });
  });

  it("is named where it is too large, or its .dockerignore is", async () => {
    const folder = await folderOf({ a: "a", b: "b".repeat(100) });
    const read = (limits: { entries: number; bytes: number }) => readFolderKey(folder, "Dockerfile", never, limits);
    await expect(read({ entries: 2, bytes: 1000 })).rejects.toMatchObject({ code: "TOO_LARGE" });
    await expect(read({ entries: 100, bytes: 50 })).rejects.toMatchObject({ code: "TOO_LARGE" });
    await writeFile(join(folder, ".dockerignore"), "a\n".repeat(10_000));
    await expect(key(folder)).rejects.toMatchObject({
      code: "TOO_LARGE",
      message: expect.stringContaining(join(folder, ".dockerignore")) as string,
    });
  });

  it("is not read on after an abort", async () => {
    const folder = await folderOf({ a: "a" });
    const reason = new Error("stop");
    await expect(readFolderKey(folder, "Dockerfile", AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
