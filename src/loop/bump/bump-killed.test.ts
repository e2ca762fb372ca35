import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, request as ask } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect } from "vitest";
import { forgeToken, startForge } from "../../../test/fakes/fake-forge.ts";
import { createPgliteDir } from "../../../test/fakes/stores.ts";
import { needs } from "../../../test/needs.ts";
import { writeExecutable } from "../../io/bump/testdata/bump-tree.ts";
import { makeRepository, noGit, temporaryFolder } from "../../io/git/testdata/repository.ts";
import { openStore } from "../../io/store/index.ts";
import { silentLogger, systemClock } from "../../lib/index.ts";
import type { BumpOnce } from "./testdata/bump-once.ts";
import { findWrong } from "./testdata/bump-site.ts";

const ends: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

/** The wait by which a program that stands still is known. */
const still = "71.4711";

/** A git and a uv that stand still where a file says so: once they have done what it names. The uv finds what it is asked for, and pip has no settings. */
async function makePrograms(bin: string): Promise<void> {
  await writeExecutable(join(bin, "pip"), "#!/bin/sh\nexit 1\n");
  const stop = (name: string): string => `[ -e ${bin}/${name} ] && { echo $$ > ${bin}/still; exec sleep ${still}; }`;
  const git = ["fetch", "commit-tree", "push"].map(
    (one) => `*" ${one} "*) git "$@"; code=$?; ${stop(`git-${one}-after`)}; exit $code ;;`,
  );
  await writeExecutable(
    join(bin, "git"),
    `#!/bin/sh\nexport PATH=${JSON.stringify(process.env["PATH"])}\ncase " $* " in ${git.join("\n")} esac\nexec git "$@"\n`,
  );
  await writeExecutable(
    join(bin, "uv"),
    `#!/bin/sh\n[ "$1" = --version ] && { echo uv 1.0.0; exit; }\nin=$3\nwhile [ "$1" != --output-file ]; do shift; done\ncp "$in" "$2"\n${stop("tool-after")}\nexit 0\n`,
  );
}

/** The forge, behind what can keep an answer to itself. */
async function startFront(api: string, bin: string) {
  const server = createServer((request, response) => {
    const onward = ask(
      new URL(request.url ?? "/", api),
      { method: request.method, headers: request.headers },
      (answer) => {
        if (request.method === "POST" && existsSync(join(bin, "forge")))
          return void writeFile(join(bin, "still"), "0\n");
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Whether anything that stood still does so now. */
async function isAnyStill(): Promise<boolean> {
  for (const id of await readdir("/proc")) {
    if (!/^\d+$/.test(id)) continue;
    if ((await readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")).includes(still)) return true;
  }
  return false;
}

describe("a process that is killed while it bumps", () => {
  needs(noGit)(
    "leaves what the next one finishes: one branch, one commit, one pull request, and no folder of its own",
    async () => {
      const person = await makeRepository();
      const [bare, bin, cache, state] = [
        await temporaryFolder(),
        await temporaryFolder(),
        await temporaryFolder(),
        await createPgliteDir(),
      ];
      ends.push(async () => {
        for (const folder of [person.folder, bare, bin, cache, state])
          await rm(folder, { recursive: true, force: true });
      });
      await makePrograms(bin);
      await mkdir(cache, { recursive: true });
      await person.commit({ "requirements.txt": "idna==3.6\n" });
      person.git("clone", "--quiet", "--bare", person.folder, bare);
      const git = (...args: string[]): string =>
        execFileSync("git", [`--git-dir=${bare}`, ...args], { encoding: "utf8" }).trim();
      const branches = () => git("branch", "--format=%(refname:short)").split("\n");
      const fake = await startForge("github", (branch) => branches().includes(branch));
      ends.push(() => fake.close());
      const front = await startFront(fake.api, bin);
      const { pathname } = new URL(fake.api);
      const asks = `pullRequest: { provider: github, api: "${front}${pathname === "/" ? "" : pathname}", repository: acme/stack }`;
      const images = `images:\n  shop: { recipe: dockerfile, git: { url: "${bare}", ref: main }, bump: { ${asks}, tools: { uv: ${bin}/uv }, author: { name: Tidemill, email: tidemill@shop.example } } }\n`;

      const store = await openStore({ dir: state }, { clock: systemClock, log: silentLogger() });
      await store.saveImages(
        ["shop", "jobs"].map((name) => ({ name, repository: name, definition: {}, recipeKey: "1", parents: [] })),
      );
      await findWrong(store, [{ type: "pypi", package: "idna", from: "3.6", to: "3.7" }]);
      await store.close();

      const start = () => {
        const told: BumpOnce = { state, cache, images };
        const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}`, TIDEMILL_FORGE_TOKEN: forgeToken };
        const script = fileURLToPath(new URL("testdata/bump-once.ts", import.meta.url));
        const child = spawn(process.execPath, [script, JSON.stringify(told)], {
          env,
          stdio: ["ignore", "ignore", "pipe"],
        });
        let said = "";
        child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
        const ended = new Promise<[number | null, string]>((resolve) =>
          child.once("close", (status) => resolve([status, said])),
        );
        return { child, ended };
      };
      const steps = ["git-fetch-after", "tool-after", "git-commit-tree-after", "git-push-after", "forge"];
      for (const step of steps) {
        await writeFile(join(bin, step), "");
        const { child, ended } = start();
        const found = () => readFile(join(bin, "still"), "utf8").catch(() => "");
        await expect.poll(found, { timeout: 30_000, message: step }).toMatch(/\d\n/);
        child.kill("SIGKILL");
        const id = Number(await found());
        // A git outlives who asked for it; a package manager does not.
        if (step.startsWith("git") && id > 0) process.kill(id, "SIGKILL");
        await ended;
        await expect.poll(isAnyStill, { timeout: 5000, message: step }).toBe(false);
        for (const name of [step, "still"]) await rm(join(bin, name));
      }
      expect(fake.pulls).toHaveLength(1);
      for (let pass = 0; pass < 2; pass += 1) expect(await start().ended).toEqual([0, ""]);
      expect(fake.pulls).toMatchObject([{ state: "open", title: "Bump idna from 3.6 to 3.7" }]);
      const [head = "", ...others] = branches().filter((one) => one !== "main");
      expect([others, git("rev-list", "--count", `main..${head}`)]).toEqual([[], "1"]);
      expect(git("show", `${head}:requirements.txt`)).toBe("idna==3.7");
      expect(await readdir(join(cache, "tools"))).toEqual(["empty"]);
      expect(await readdir(join(cache, "branches/edits"))).toEqual([]);
      const trees = await Promise.all(
        (await readdir(join(cache, "trees"))).map((one) => readdir(join(cache, "trees", one))),
      );
      expect(trees.flat()).toEqual([git("rev-parse", "main")]);
    },
    180_000,
  );
});
