import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "./load-config.ts";
import { initProject } from "./init-project.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-init-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(folder, path, ".."), { recursive: true });
  await writeFile(join(folder, path), text);
}

describe("initProject", () => {
  it("writes a configuration that can be read, once", async () => {
    await write("api/Dockerfile", "FROM debian:bookworm\n");
    await write(".git/config", '[remote "origin"]\n\turl = https://ada:secret@git.example/team/shop.git\n');
    await write(".git/HEAD", "ref: refs/heads/release\n");
    await write("k8s/api.yaml", "kind: Deployment\nspec: { containers: [{ image: registry.example/api:1 }] }\n");
    const made = await initProject({ folder, write: true });
    expect(made).toMatchObject({ images: ["api"], others: [], problems: [], written: true });
    expect(made.text).toContain('url: "https://git.example/team/shop.git"');
    expect(made.text).toContain("branch: release");
    expect(made.text).not.toContain("secret");
    expect((await loadConfig(join(folder, "tidemill.yaml"), {})).config.images).toHaveProperty("api");
    await writeFile(join(folder, "tidemill.yaml"), "mine");
    await expect(initProject({ folder, write: true })).rejects.toMatchObject({ code: "ALREADY_THERE" });
    expect(await readFile(join(folder, "tidemill.yaml"), "utf8")).toBe("mine");
    expect((await readdir(folder)).sort()).toEqual([".git", "api", "k8s", "tidemill.yaml"]);
  });

  it("leaves alone what others wrote, follows no link, and names what is too large", async () => {
    await write("node_modules/a/Dockerfile", "FROM debian:12\n");
    await write("vendor/Dockerfile", "FROM debian:12\n");
    await write("large/Dockerfile", `FROM debian:12\n${"# x\n".repeat(300_000)}`);
    await symlink("/etc", join(folder, "etc"));
    await symlink(folder, join(folder, "loop"));
    await write("one/Dockerfile", "FROM debian:12\n");
    const made = await initProject({ folder, write: false });
    expect(made.images).toEqual(["one"]);
    expect(made.problems).toEqual([expect.stringMatching(/^large\/Dockerfile: .*more than/)]);
    expect(made.problems.join()).not.toContain(folder);
    expect(await readdir(folder)).not.toContain("tidemill.yaml");
  });
});
