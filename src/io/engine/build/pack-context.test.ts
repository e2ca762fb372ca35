import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { extract } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseIgnoreFile } from "../../../core/dockerfile/index.ts";
import { packContext } from "./pack-context.ts";

let dir: string;
let count = 0;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tidemill-pack-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  count += 1;
  const path = join(dir, String(count));
  await mkdir(path);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return path;
}

/** What the classic builder's steps see: it takes the Dockerfile and .dockerignore away where the latter leaves them out. */
async function seen(context: string, ignoreFile?: string): Promise<Map<string, string>> {
  const { stream, dockerfile } = await packContext(context, "FROM pinned\n", ignoreFile);
  const tar = extract();
  const found = new Map<string, string>();
  stream.pipe(tar);
  for await (const entry of tar) {
    const pieces: Buffer[] = [];
    for await (const piece of entry as AsyncIterable<Buffer>) pieces.push(piece);
    const { name, type, linkname, mode } = entry.header;
    found.set(
      name.replace(/\/$/, ""),
      type === "file" ? Buffer.concat(pieces).toString("utf8") : `${type} ${linkname ?? (mode & 0o777).toString(8)}`,
    );
  }
  expect(found.get(dockerfile)).toBe("FROM pinned\n");
  const ignores = parseIgnoreFile(found.get(".dockerignore") ?? "");
  for (const name of [dockerfile, ".dockerignore"]) if (ignores(name)) found.delete(name);
  return found;
}

describe("a context for the classic builder", () => {
  it.each<[string, Record<string, string>, Record<string, string>]>([
    ["has no .dockerignore", { a: "1", "b/c": "2" }, { a: "1", b: "directory 755", "b/c": "2" }],
    [
      "has one that stays",
      { ".dockerignore": "node_modules\n", a: "1", "node_modules/x": "x" },
      { ".dockerignore": "node_modules\n", a: "1" },
    ],
    [
      "has one of patterns",
      { ".dockerignore": "**/*.md\n!README.md\n", "README.md": "r", "a.md": "a" },
      { ".dockerignore": "**/*.md\n!README.md\n", "README.md": "r" },
    ],
    ["has one that leaves itself out", { ".dockerignore": ".*\n", a: "1", ".git/x": "x" }, { a: "1" }],
    [
      "leaves out all but one",
      { ".dockerignore": "*\n!src\n", a: "1", "src/b": "2" },
      { src: "directory 755", "src/b": "2" },
    ],
    ["has a Dockerfile of its own", { Dockerfile: "FROM mine\n", a: "1" }, { Dockerfile: "FROM mine\n", a: "1" }],
  ])("that %s holds exactly what it keeps", async (_, files, expected) => {
    expect(Object.fromEntries(await seen(await folder(files)))).toEqual(expected);
  });

  it("obeys rules that are given in place of its own", async () => {
    const context = await folder({ ".dockerignore": "a*\n", a: "1", b: "2" });
    expect(Object.fromEntries(await seen(context, "b\n"))).toEqual({ ".dockerignore": "a*\n", a: "1" });
  });

  it("keeps modes, and links as they are", async () => {
    const context = await folder({ run: "x" });
    await chmod(join(context, "run"), 0o755);
    await symlink("/etc/passwd", join(context, "link"));
    expect((await seen(context)).get("link")).toBe("symlink /etc/passwd");
  });

  it("that is not there is an error of the stream, not a hang", async () => {
    const { stream } = await packContext(join(dir, "nothing"), "FROM a", undefined);
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toThrow(/ENOENT/);
  });
});
