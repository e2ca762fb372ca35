import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { Fleet } from "../../src/fleet.ts";
import {
  missingEngines,
  openBuildSite,
  processesWith,
  startBuildkitd,
} from "../../src/io/engine/build/testdata/build-site.ts";
import { BuildError, type BuildEngine } from "../../src/io/engine/index.ts";
import { missingMirror } from "../../src/loop/build/testdata/real-packages.ts";
import type { Context } from "../../src/loop/context.ts";
import { planFleet } from "../../src/loop/plan/index.ts";
import { needs } from "../needs.ts";
import { smallFleets } from "./fixture.ts";
import { until, type SmallFleet } from "./small-fleet.ts";

const run = promisify(execFile);
const missingGit = await run("git", ["--version"]).then(
  () => undefined,
  () => "git is not installed",
);
const noMirror = await missingMirror();
const engines = await missingEngines();
const fleets = smallFleets();

async function writeContext(small: SmallFleet, name: string, dockerfile: string): Promise<void> {
  await mkdir(join(small.folder, name), { recursive: true });
  await writeFile(join(small.folder, name, "Dockerfile"), dockerfile);
}

const dockerfile = (name: string): Readonly<Record<string, unknown>> => ({ recipe: "dockerfile", context: name });

describe("FAULTS 18: images whose Dockerfiles make them each other's base", () => {
  it("are held with the ring in words, while the rest goes on", async () => {
    const small = await fleets.create({ images: { ring: dockerfile("ring"), other: dockerfile("other") } });
    await writeContext(small, "ring", "FROM other\n");
    await writeContext(small, "other", "FROM small-root\nCOPY --from=ring / /x\n");
    const { operations, run: pass } = await fleets.open(small);
    expect(await pass()).toMatchObject({ built: 3, failed: 0 });
    const { held } = await operations.plan({});
    expect(held.map(({ image, kind, reason }) => [image, kind, reason])).toEqual([
      ["other", "source", "images are each other's parents: other → ring → other"],
      ["ring", "source", "images are each other's parents: other → ring → other"],
    ]);
    const { stdout } = await small
      .tidemill(["validate", small.configPath])
      .then(({ out, err }) => ({ stdout: `${out}${err}` }));
    expect(stdout).toContain("other → ring → other");
  });
});

describe("a Dockerfile that cannot be built", () => {
  it("says what to install where there is no engine, and is tried again", async () => {
    const small = await fleets.create({ images: { web: dockerfile("web") } }, { PATH: "/nonexistent" });
    await writeContext(small, "web", "FROM small-root\nCOPY Dockerfile /srv/\n");
    const { operations, run: pass } = await fleets.open(small);
    expect(await pass()).toMatchObject({ built: 3 });
    const status = await operations.status({ image: "web" });
    const said = JSON.stringify(status.images);
    expect(said).toContain("there is nothing that builds a Dockerfile");
    expect(said).toMatch(/docker: .*buildctl: no address of a buildkitd is given; buildah: /);
  });

  it("is held with place and reason where its Dockerfile makes no sense, and built once it does", async () => {
    const small = await fleets.create({ images: { web: dockerfile("web") } });
    await writeContext(small, "web", "FROM small-root\nCOPPY . /\n");
    const { operations } = await fleets.open(small);
    const held = async () =>
      (await operations.plan({})).held.map(({ image, kind, reason }) => `${image} ${kind} ${reason}`);
    expect((await held()).join()).toMatch(/^web source web: Dockerfile: Dockerfile, line 2, column 1: .*COPPY/);
    await writeContext(small, "web", "FROM small-root\nCOPY . /\n");
    expect(await held()).toEqual([]);
  });
});

describe("an image whose Dockerfile is in a repository", () => {
  needs(missingGit)("is built from the commit that its branch names, and from the next one when it moves", async () => {
    const small = await fleets.create();
    const repository = join(small.folder, "repository");
    const git = (...args: string[]): Promise<unknown> =>
      run("git", ["-C", repository, "-c", "user.name=ann", "-c", "user.email=ann@example.test", ...args]);
    const commit = async (text: string): Promise<string> => {
      await mkdir(join(repository, "app"), { recursive: true });
      await writeFile(join(repository, "app", "Dockerfile"), `FROM small-root\nCOPY said /said\n`);
      await writeFile(join(repository, "app", "said"), text);
      await git("add", ".");
      await git("commit", "--quiet", "--message", text);
      const { stdout } = await run("git", ["-C", repository, "rev-parse", "HEAD"]);
      return stdout.trim();
    };
    await mkdir(repository);
    await run("git", ["init", "--quiet", "--initial-branch", "main", repository]);
    await commit("one");
    const source = { url: repository, ref: "main", subdirectory: "app" };
    await small.configure({ images: { web: { recipe: "dockerfile", git: source } } });
    const { fleet, operations, run: pass } = await fleets.open(small);
    const said: string[] = [];
    replaceBuilder(fleet, async (request) => {
      said.push(await readFile(join(request.context, "said"), "utf8"));
      throw new BuildError("BUILD_FAILED", "this engine only looks");
    });
    await pass();
    expect(said).toEqual(["one"]);
    expect((await operations.graph({ node: "web" })).nodes[0]?.from).toContain(`${repository}#main`);
    const second = await commit("two");
    await operations.look({});
    await pass();
    expect(said).toEqual(["one", "two"]);
    const upstream = (await operations.status({})).upstreams.find(({ kind }) => kind === "git");
    expect(upstream).toMatchObject({ name: `${repository}#main`, state: "ok" });
    const [seen] = await fleet.ctx.store.loadObservations({ upstream: `${repository}#main` });
    expect(seen?.contentKey).toBe(second);
  });
});

/** Has the fleet build with this, in place of an engine. */
function replaceBuilder(fleet: Fleet, build: BuildEngine["build"]): void {
  const engine: BuildEngine = {
    name: "replaced",
    missing: () => Promise.resolve(undefined),
    sweep: () => Promise.resolve(0),
    build,
  };
  const ctx = fleet.ctx as { -readonly [K in keyof Context]: Context[K] };
  ctx.builder = () => Promise.resolve(engine);
}

describe("a rebuild that another takes the place of", () => {
  it("is cancelled in its engine, and the newer one is built", async () => {
    const small = await fleets.create({ images: { web: dockerfile("web") } });
    await writeContext(small, "web", "FROM small-root\nRUN one\n");
    const { fleet, run: pass } = await fleets.open(small);
    const builds: { readonly text: string; readonly signal: AbortSignal }[] = [];
    replaceBuilder(fleet, (request, _log, signal) => {
      builds.push({ text: request.targets[0]?.dockerfile ?? "", signal });
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      });
    });
    const working = pass();
    await until("the build has begun", () => Promise.resolve(builds.length === 1), 30_000);
    expect(builds[0]?.text).toContain("RUN one");
    await writeContext(small, "web", "FROM small-root\nRUN two\n");
    await planFleet(fleet.ctx);
    await until("the first build is cancelled", () => Promise.resolve(builds[0]?.signal.aborted), 30_000);
    await until("the second build has begun", () => Promise.resolve(builds.length === 2), 30_000);
    expect(builds[1]?.text).toContain("RUN two");
    const closing = fleet.close();
    await expect(working).rejects.toThrow();
    await closing;
    expect(builds[1]?.signal.aborted).toBe(true);
  }, 120_000);
});

describe("a build whose engine is killed", () => {
  const lacking = noMirror ?? engines.buildctl;
  needs(lacking)(
    "is begun again on the next engine, and what it was for reaches production",
    async () => {
      const dir = join(tmpdir(), `tidemill-buildkit-loop-${process.pid}`);
      const first = await startBuildkitd(dir);
      const site = await openBuildSite(first);
      fleets.onEnd(() => site.close());
      await symlink(first.program, join(site.dir, "buildctl"));
      const marker = `mark-${process.pid}-${Date.now()}`;
      const small = await fleets.create(
        {
          images: { web: dockerfile("web") },
          engine: { use: "buildctl", address: first.address },
          bases: { [site.base]: { insecure: true, settle: "0s" } },
        },
        { PATH: `${site.dir}:${process.env["PATH"] ?? ""}` },
      );
      await writeContext(
        small,
        "web",
        `FROM ${site.base}\nRUN ["sh", "-c", "sleep 4; echo made > /made", "${marker}"]\n`,
      );
      const { operations, run: pass, pointer } = await fleets.open(small);
      const working = pass();
      await until("the step runs", async () => (await processesWith(marker)).length > 0, 60_000);
      await first.kill();
      const killed = await working;
      expect(killed).toMatchObject({ built: 3 });
      expect(await pointer("web", "production")).toBeUndefined();
      const said = JSON.stringify((await operations.status({ image: "web" })).images);
      expect(said).toMatch(/buildkitd was not there, or went away|does not answer/);
      const second = await startBuildkitd(dir);
      fleets.onEnd(() => second.close());
      await until(
        "web is in production",
        async () => {
          await pass();
          return (await pointer("web", "production")) !== undefined;
        },
        120_000,
      );
    },
    240_000,
  );
});

describe("FAULTS 22: another worker, another clock, another umask", () => {
  it("make the same digests of the same packages", async () => {
    const digestsOf = async (umask: number, ahead: number, zone: string) => {
      const before = { umask: process.umask(umask), zone: process.env["TZ"] };
      process.env["TZ"] = zone;
      try {
        const opened = await fleets.open(await fleets.create());
        opened.clock.jump(ahead);
        expect(await opened.run()).toMatchObject({ built: 3, failed: 0 });
        const names = ["small-root", "small-app", "small-alone"];
        return await Promise.all(names.map((name) => opened.pointer(name)));
      } finally {
        process.umask(before.umask);
        if (before.zone === undefined) delete process.env["TZ"];
        else process.env["TZ"] = before.zone;
      }
    };
    const here = await digestsOf(0o022, 0, "UTC");
    expect(new Set(here).size).toBe(3);
    expect(await digestsOf(0o077, 3 * 86_400_000, "Pacific/Auckland")).toEqual(here);
  });
});
