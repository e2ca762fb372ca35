import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { missingMirror } from "../../loop/build/testdata/real-packages.ts";
import { createDockerEngine } from "./docker-engine.ts";
import { fetchBusybox, makeImage, type MadeImage } from "./testdata/made-image.ts";
import { defaultRunLimits, type AskServed, type Served } from "./types.ts";

const execute = promisify(execFile);
const amd64 = { os: "linux", architecture: "amd64" };
const instance = `serve-container-test-${process.pid}`;
const engine = createDockerEngine(instance);
const unusable = (await missingMirror()) ?? (await engine.missing());
const missing = unusable ?? ((await engine.canRun(amd64)) ? undefined : "an engine for amd64");
const it = needs(missing);

let image: MadeImage;
beforeAll(async () => {
  if (missing !== undefined) return;
  image = await makeImage(
    [
      { "bin/busybox": await fetchBusybox() },
      { "bin/sh": { link: "busybox" }, "srv/index.html": Buffer.from("all is well\n") },
    ],
    { Entrypoint: ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/srv"] },
  );
});
afterAll(async () => {
  if (missing === undefined) await engine.sweep();
});

interface Asked {
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly writable?: boolean;
}
function serve<T>(ask: AskServed<T>, { command = [], env = {}, writable = false }: Asked = {}): Promise<Served<T>> {
  const { source, manifest } = image;
  return engine.serve({ source, manifest, platform: amd64, command, env, writable, limits: defaultRunLimits }, ask);
}
const shell = (script: string): Asked => ({ command: ["/bin/sh", "-c", script] });

/** What it answers at last, and until it does the pause between two questions. */
async function get(host: string): Promise<string> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await (await fetch(`http://${host}:8080/`)).text();
    } catch (error) {
      if (tries >= 100) throw error;
      await sleep(100);
    }
  }
}
const ended = (_: string, signal: AbortSignal): Promise<string> =>
  new Promise((resolve) => {
    const tell = (): void => resolve(String(signal.reason));
    if (signal.aborted) tell();
    else signal.addEventListener("abort", tell);
  });

/** Containers and networks of this installation. */
async function left(): Promise<string> {
  const filter = `label=dev.tidemill.check=${instance}`;
  const containers = await execute("docker", ["ps", "--all", "--quiet", "--filter", filter]);
  const networks = await execute("docker", ["network", "ls", "--quiet", "--filter", filter]);
  return `${containers.stdout}${networks.stdout}`;
}

describe("a service in a container", () => {
  it("is asked from this machine, and leaves nothing behind", async () => {
    const { answer } = await serve(get);
    expect(answer).toBe("all is well\n");
    expect(await left()).toBe("");
  }, 180_000);

  it("tells how it ended, and what it said; one that ends at once too", async () => {
    const late = await serve(ended, shell("echo trouble; busybox sleep 1; exit 7"));
    expect(late).toEqual({ answer: "it ended with status 7", output: "trouble\n" });
    expect((await serve(ended, shell("exit 3"))).answer).toBe("it ended with status 3");
    expect(await left()).toBe("");
  }, 180_000);

  it("has its environment, no capability, a root that is written to only where asked", async () => {
    const script = "echo $MODE; busybox grep CapEff /proc/self/status; busybox touch /srv/new && echo written; exit 0";
    const held = await serve(ended, { ...shell(script), env: { MODE: "test" } });
    expect(held.output).toMatch(/test\nCapEff:\s+0{16}\n/);
    expect(held.output).not.toContain("written");
    expect((await serve(ended, { ...shell(script), writable: true })).output).toContain("written");
  }, 180_000);

  it("reaches no other container, and nothing beyond this machine", async () => {
    const { answer } = await serve(async (other) => {
      await get(other);
      const knock = (host: string): string => `busybox nc -w 2 ${host} 8080 </dev/null && echo reached ${host}`;
      return serve(ended, shell(`${knock(other)}; ${knock("192.0.2.1")}; echo tried; exit 0`));
    });
    expect(answer.output).toContain("tried");
    expect(answer.output).not.toContain("reached");
  }, 180_000);

  it("is taken away where asking fails, and by a sweep where its process was killed", async () => {
    const fails = serve(() => Promise.reject(new Error("no answer")));
    await expect(fails).rejects.toThrow("no answer");
    expect(await left()).toBe("");
    const label = `dev.tidemill.check=${instance}`;
    const name = `tidemill-check-test-${process.pid}`;
    await execute("docker", ["network", "create", "--internal", "--label", label, name]);
    expect(await left()).not.toBe("");
    await engine.sweep();
    expect(await left()).toBe("");
  }, 180_000);
});
