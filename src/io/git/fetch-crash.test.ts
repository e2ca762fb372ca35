import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { createGit } from "./create-git.ts";
import { makeRepository, noGit, temporaryFolder } from "./testdata/repository.ts";

const real = needs(noGit);
const made: string[] = [];

afterAll(() => Promise.all(made.map((path) => rm(path, { recursive: true, force: true }))));

/** A git that does one of its commands and then stands still, its process id in the file `still`. */
async function stalling(folder: string, command: string): Promise<string> {
  const bin = join(folder, command);
  await mkdir(bin);
  const path = JSON.stringify(process.env["PATH"]);
  const script = `#!/bin/sh
export PATH=${path}
case " $* " in *" ${command} "*) git "$@"; echo $$ > ${bin}/still; exec sleep 60 ;; esac
exec git "$@"
`;
  await writeFile(join(bin, "git"), script, { mode: 0o755 });
  return bin;
}

describe("a process that is killed while it fetches", () => {
  real(
    "leaves no commit half, and the next one fetches it",
    async () => {
      const repo = await makeRepository();
      const folder = await temporaryFolder();
      made.push(repo.folder, folder);
      const commit = await repo.commit({ a: "a", "b/c": "c" });
      const dir = join(folder, "sources");
      const source = { url: repo.folder, ref: "main", commit };
      const entries = async () =>
        (await Promise.all((await readdir(dir)).map((key) => readdir(join(dir, key))))).flat();

      for (const command of ["fetch", "read-tree"]) {
        const bin = await stalling(folder, command);
        const program = `
        import { createGit } from ${JSON.stringify(new URL("create-git.ts", import.meta.url).href)};
        const git = createGit(${JSON.stringify({ dir, env: { PATH: `${bin}:${process.env["PATH"]}` } })});
        await git.fetch(${JSON.stringify(source)}, new AbortController().signal);`;
        const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "ignore" });
        const ended = new Promise((resolve) => child.once("close", resolve));
        const still = () => readFile(join(bin, "still"), "utf8").catch(() => "");
        await expect.poll(still, { timeout: 20_000 }).toMatch(/\d\n/);
        child.kill("SIGKILL");
        await ended;
        process.kill(Number(await still()), "SIGKILL");
        expect(await entries()).toEqual([expect.stringMatching(/^\.aside-/)]);
        // As if it were long ago.
        for (const key of await readdir(dir))
          for (const name of await readdir(join(dir, key))) await utimes(join(dir, key, name), 1, 1);
      }
      const tree = await createGit({ dir, env: { PATH: process.env["PATH"] } }).fetch(
        source,
        new AbortController().signal,
      );
      expect((await readdir(tree, { recursive: true })).sort()).toEqual(["a", "b", "b/c"]);
      expect(await entries()).toEqual([commit]);
    },
    60_000,
  );
});
