import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { needs } from "../../../../test/needs.ts";
import { missingOwnDocker, startOwnDocker, type OwnDocker } from "../../../../test/own-docker.ts";
import { missingMirror } from "../../../loop/build/testdata/real-packages.ts";
import {
  engineNames,
  missingEngines,
  openBuildSite,
  processesWith,
  startBuildkitd,
  type BuildSite,
  type Buildkitd,
  type EngineName,
} from "./testdata/build-site.ts";

const run = promisify(execFile);
const noMirror = await missingMirror();
const missing = await missingEngines();
const noDocker = await missingOwnDocker();
const daemons = ["classic", "buildkit", "buildx", "buildctl"] as const;
const whyNot = (name: EngineName): string | undefined =>
  noMirror ?? missing[name] ?? (name === "buildctl" || name === "buildah" ? undefined : noDocker);

const buildkitDir = join(tmpdir(), `tidemill-buildkitd-killed-${process.pid}`);
let site: BuildSite;
let docker: OwnDocker | undefined;
let buildkitd: Buildkitd | undefined;
beforeAll(async () => {
  if (engineNames.every((name) => whyNot(name) !== undefined)) return;
  if (whyNot("buildctl") === undefined) buildkitd = await startBuildkitd(buildkitDir);
  if (whyNot("buildkit") === undefined) docker = await startOwnDocker(tmpdir());
  site = await openBuildSite(buildkitd);
  if (docker !== undefined) site.env["DOCKER_HOST"] = docker.host;
}, 300_000);
afterAll(async () => {
  await docker?.close();
  await buildkitd?.close();
  await site?.close();
}, 120_000);

async function killDaemon(name: EngineName): Promise<void> {
  await (name === "buildctl" ? buildkitd : docker)?.kill();
}

async function startDaemon(name: EngineName): Promise<void> {
  if (name === "buildctl") buildkitd = await startBuildkitd(buildkitDir);
  else await docker?.start();
}

/** Waits until a step of the build sleeps so long. */
async function stepSleeps(marker: string, ended: Promise<object>): Promise<void> {
  let early: object | undefined;
  void ended.then((error) => (early = error));
  for (let tries = 0; (await sleepers(marker)).length === 0; tries += 1) {
    if (early !== undefined || tries > 300) throw new Error("the step never started", { cause: early });
    await sleep(100);
  }
}

async function sleepers(marker: string): Promise<number[]> {
  const lines = await processesWith(marker);
  return lines.flatMap((line) => /^\s*(\d+) (?:\/bin\/sh -c )?sleep \d+$/.exec(line)?.[1] ?? []).map(Number);
}

async function build(
  name: EngineName,
  dockerfile: string,
): Promise<{ readonly code?: string; readonly retry?: boolean; readonly message?: string }> {
  try {
    const engine = site.engines()[name];
    const result = await engine.build(await site.request(dockerfile), () => undefined, new AbortController().signal);
    await result.close();
    return {};
  } catch (error) {
    return error as Error;
  }
}

const fresh = (step: string): string => `FROM $BASE\nRUN : ${process.pid} ${Date.now()}\n${step}\n`;

describe("an engine whose daemon is killed during a build", () => {
  for (const [at, name] of daemons.entries())
    needs(whyNot(name))(
      `${name}: the build ends, says that the engine went away and is worth another try; on the next daemon it goes through`,
      async () => {
        const marker = `sleep 39${process.pid}${at}`;
        const ended = build(name, fresh(`RUN ${marker}`));
        await stepSleeps(marker, ended);
        await killDaemon(name);
        const error = await ended;
        expect(error).toMatchObject({ code: "ENGINE_UNAVAILABLE", retry: true });
        expect(error.message).toMatch(/^web: (?:docker|buildkitd) was not there, or went away/);
        expect(await readdir(join(site.dir, "engine/builds"))).toEqual([]);
        // What runs on without its daemon is not the engine's any more.
        for (const pid of await sleepers(marker)) process.kill(pid, "SIGKILL");
        expect(await site.engines()[name].missing()).toMatch(/reaches no daemon|does not answer/);
        await startDaemon(name);
        expect(await build(name, fresh("RUN true"))).toEqual({});
      },
      180_000,
    );
});

describe("an engine whose own program is killed during a build", () => {
  for (const [at, name] of engineNames.entries())
    needs(whyNot(name))(
      `${name}: nothing of it is left, and the next build goes through`,
      async () => {
        const marker = `sleep 40${process.pid}${at}`;
        const ended = build(name, fresh(`RUN ${marker}`));
        await stepSleeps(marker, ended);
        const { stdout } = await run("ps", ["-eo", "pid=,ppid=,args="], { maxBuffer: 16 << 20 });
        const clients = stdout.split("\n").flatMap((line) => {
          const [, pid, parent] = /^\s*(\d+)\s+(\d+)\s/.exec(line) ?? [];
          return Number(parent) === process.pid && /\b(?:docker|buildctl|buildah)\b.* (?:build|bud)\b/.test(line)
            ? [Number(pid)]
            : [];
        });
        expect(clients).toHaveLength(1);
        for (const pid of clients) process.kill(pid, "SIGKILL");
        expect(await ended).toMatchObject({ code: "ENGINE_UNAVAILABLE", retry: true });
        for (let tries = 0; (await sleepers(marker)).length > 0; tries += 1) {
          if (tries > 100) throw new Error("the step goes on");
          await sleep(100);
        }
        expect(await readdir(join(site.dir, "engine/builds"))).toEqual([]);
        expect(await build(name, fresh("RUN true"))).toEqual({});
      },
      180_000,
    );
});
