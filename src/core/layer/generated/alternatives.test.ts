import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { needs } from "../../../../test/needs.ts";
import type { Alternative, PackageFacts } from "../types.ts";
import { addAlternatives } from "./alternatives.ts";
import { ImageTree } from "./image-tree.ts";
import { makeFacts } from "./testdata/make-facts.ts";

const choice = (path: string, priority: number, ...slaves: string[]): Alternative => ({
  link: "/usr/bin/editor",
  name: "editor",
  path,
  priority,
  slaves: slaves.map((file) => ({
    link: `/usr/man/${file[0]}.1.gz`,
    name: `${file[0]}.1.gz`,
    path: `/usr/man/${file}`,
  })),
});
const packages: PackageFacts[] = [
  makeFacts("dpkg"),
  makeFacts("vim", ["usr/bin/vim", "usr/man/e-vim"], { alternatives: [choice("/usr/bin/vim", 30, "e-vim", "a-vim")] }),
  makeFacts("nano", ["usr/bin/nano", "usr/man/e-nano"], { alternatives: [choice("/bin/nano", 40, "e-nano")] }),
  makeFacts("ed", ["usr/bin/ed"], { alternatives: [choice("/bin/ed", 40)] }),
  makeFacts("gone", [], { alternatives: [choice("/usr/bin/gone", 99)] }),
];

function links(all: readonly PackageFacts[]): Record<string, string> {
  const tree = new ImageTree(all);
  addAlternatives(tree);
  return Object.fromEntries(
    tree
      .entries()
      .flatMap(({ path, kind, link, content }) =>
        kind === "directory" ? [] : [[path, link ?? content?.toString() ?? ""]],
      ),
  );
}

describe("alternatives", () => {
  it("lead to the choice with the highest priority, whatever the order of the packages", () => {
    const without = packages.filter(({ name }) => name !== "ed");
    const made = links(without);
    expect(made).toMatchObject({
      "etc/alternatives/editor": "/bin/nano",
      "usr/bin/editor": "/etc/alternatives/editor",
      "etc/alternatives/e.1.gz": "/usr/man/e-nano",
      "usr/man/e.1.gz": "/etc/alternatives/e.1.gz",
    });
    expect(links(without.toReversed())).toEqual(made);
  });

  it("have followers only where the file is there, and leave out a choice that is not", () => {
    const made = links(packages.filter(({ name }) => name !== "nano" && name !== "ed"));
    expect(Object.keys(made)).toEqual([
      "etc/alternatives/e.1.gz",
      "etc/alternatives/editor",
      "usr/bin/editor",
      "usr/man/e.1.gz",
      "var/lib/dpkg/alternatives/editor",
    ]);
  });

  it("put nothing in the place of a file, and write no record without dpkg", () => {
    const made = links([
      makeFacts("vim", ["usr/bin/vim", "usr/bin/editor"], { alternatives: [choice("/usr/bin/vim", 1)] }),
    ]);
    expect(made).toEqual({});
  });

  needs(missingTool())("are those that update-alternatives makes, with its record", async () => {
    const root = await mkdtemp(join(tmpdir(), "tidemill-alternatives-"));
    try {
      for (const folder of ["bin", "etc/alternatives", "var/lib/dpkg/alternatives", "var/log"])
        await mkdir(join(root, folder), { recursive: true });
      await rm(join(root, "bin"), { recursive: true });
      execFileSync("ln", ["-s", "usr/bin", join(root, "bin")]);
      for (const path of packages.flatMap(({ entries }) => entries.map((entry) => entry.path))) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), "");
      }
      for (const { alternatives } of packages.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
        for (const { link, name, path, priority, slaves } of alternatives) {
          const followers = slaves.flatMap((slave) => ["--slave", slave.link, slave.name, slave.path]);
          const args = ["--root", root, "--quiet", "--install", link, name, path, String(priority), ...followers];
          if (path !== "/usr/bin/gone") execFileSync("update-alternatives", args);
        }
      const real: Record<string, string> = {};
      for (const folder of ["etc/alternatives", "usr/bin", "usr/man", "var/lib/dpkg/alternatives"])
        for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
          const path = `${folder}/${entry.name}`;
          if (entry.isSymbolicLink()) real[path] = await readlink(join(root, path));
          else if (folder.startsWith("var")) real[path] = await readFile(join(root, path), "utf8");
        }
      expect(links(packages)).toEqual(real);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});

function missingTool(): string | undefined {
  try {
    return execFileSync("update-alternatives", ["--help"], { encoding: "utf8" }).includes("--root")
      ? undefined
      : "update-alternatives knows no --root";
  } catch {
    return "there is no update-alternatives";
  }
}
