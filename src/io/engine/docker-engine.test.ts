import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { messageOf, sha256 } from "../../lib/index.ts";
import { missingMirror } from "../../loop/build/testdata/real-packages.ts";
import { createDockerEngine } from "./docker-engine.ts";
import { fetchBusybox, makeImage, type MadeImage } from "./testdata/made-image.ts";
import { defaultRunLimits, type RunEngine, type RunLimits, type RunResult } from "./types.ts";

const execute = promisify(execFile);
const amd64 = { os: "linux", architecture: "amd64" };
const instance = `docker-engine-test-${process.pid}`;
const engine = createDockerEngine(instance);
const mebibyte = 1_048_576;

const unusable = (await missingMirror()) ?? (await engine.missing());
const missing = unusable ?? ((await engine.canRun(amd64)) ? undefined : "an engine for amd64");
const it = needs(missing);

/** Set where `podman.test.ts` takes these cases to Podman's service. */
const isPodman = process.env["TIDEMILL_TEST_PODMAN"] !== undefined;

let busybox: Buffer;
let image: MadeImage;
beforeAll(async () => {
  if (missing !== undefined) return;
  busybox = await fetchBusybox();
  image = await makeImage([
    { "bin/busybox": busybox },
    { "bin/sh": { link: "busybox" }, "etc/passwd": Buffer.from("root:x:0:0::/root:/bin/sh\n") },
    { "srv/said": Buffer.from("from the third layer\n") },
  ]);
});
afterAll(async () => {
  if (missing === undefined) await engine.sweep();
});

interface Asked {
  readonly made?: MadeImage;
  readonly by?: RunEngine;
  readonly network?: boolean;
  readonly limits?: Partial<RunLimits>;
  readonly signal?: AbortSignal;
}

function run(command: readonly string[], asked: Asked = {}): Promise<RunResult> {
  const { made = image, by = engine, network = false, limits, signal } = asked;
  const { source, manifest } = made;
  const all = { ...defaultRunLimits, timeoutMs: 30_000, ...limits };
  return by.run({ source, manifest, platform: amd64, command, network, limits: all }, signal);
}

const shell = (script: string, asked?: Asked): Promise<RunResult> => run(["/bin/sh", "-c", script], asked);

const docker = async (...args: string[]): Promise<string[]> =>
  (await execute("docker", args)).stdout.split("\n").filter((line) => line !== "");

/** The containers and images that `owner` has in the daemon. */
async function left(owner: string): Promise<{ containers: string[]; images: string[] }> {
  const repository = `tidemill.invalid/check-${sha256(owner).slice(7, 19)}`;
  return {
    containers: await docker("ps", "--all", "--quiet", "--filter", `label=dev.tidemill.check=${owner}`),
    // Podman lists all names of an image that has one of these.
    images: (await docker("images", "--format", "{{.Repository}} {{.ID}}", repository))
      .filter((line) => line.startsWith(`${repository} `))
      .sort(),
  };
}

/** Waits until `found` is true of what `owner` has. */
async function until(owner: string, found: (left: { containers: string[] }) => boolean): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (found(await left(owner))) return;
    await sleep(100);
  }
  throw new Error(`never came about: ${JSON.stringify(await left(owner))}`);
}

describe("a command in an image", () => {
  it("tells its status and what it said on both of its outputs, and sees all layers", async () => {
    expect(await shell("busybox cat /srv/said; echo complaint >&2; exit 7")).toEqual({
      end: "exited",
      status: 7,
      output: expect.stringMatching(/^(?=[^]*from the third layer\n)(?=[^]*complaint\n)/) as string,
      stdout: "from the third layer\n",
      stderr: "complaint\n",
      truncated: false,
    });
    for (const status of [0, 1, 255]) expect(await shell(`exit ${status}`)).toMatchObject({ end: "exited", status });
  });

  it("has the variables and the user that it is given, and a root that can be written to where that is asked for", async () => {
    const script = "echo $A $B; busybox id -u; echo x >/srv/new && echo written";
    const given = { env: { A: "1", B: "$A" }, user: "65534" };
    const asked = { ...defaultRunLimits, timeoutMs: 30_000 };
    const request = { source: image.source, manifest: image.manifest, platform: amd64, network: false, limits: asked };
    const closed = await engine.run({ ...request, ...given, command: ["/bin/sh", "-c", script] });
    expect(closed).toMatchObject({ status: 1, stdout: "1 $A\n65534\n", stderr: expect.stringMatching(/new/) });
    const open = await engine.run({ ...request, command: ["/bin/sh", "-c", script], writable: true });
    expect(open).toMatchObject({ status: 0, stdout: "\n0\nwritten\n" });
  });

  it("is the image's own where none is given", async () => {
    const config = { Entrypoint: ["/bin/busybox", "echo"], Cmd: ["its", "own"] };
    const made = await makeImage([{ "bin/busybox": busybox }], config);
    expect(await run([], { made })).toMatchObject({ status: 0, output: "its own\n" });
    expect(await run(["/bin/busybox", "echo", "another"], { made })).toMatchObject({ output: "another\n" });
  });

  it("is heard only up to the limit, and still comes to its end", async () => {
    const script = "busybox head -c 3000000 /dev/zero | busybox tr '\\0' x; exit 3";
    const result = await shell(script, { limits: { outputBytes: 1000 } });
    expect(result).toMatchObject({ end: "exited", status: 3, output: "x".repeat(1000), truncated: true });
  });

  it("cannot reach the terminal of whoever reads what it said", async () => {
    const { output } = await shell("busybox printf 'a\\033[2Jb\\033]0;title\\007c\\rd\\0e\\n\\302\\233m\\n'");
    expect(output).toMatch(/^a.*b.*c.*d.*e.*\n.*m\n$/);
    // oxlint-disable-next-line no-control-regex
    expect(output).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });

  it("is killed when its time is up", async () => {
    const started = Date.now();
    const result = await shell("trap '' TERM; echo waiting; while :; do busybox sleep 1; done", {
      limits: { timeoutMs: 1500 },
    });
    expect(result).toMatchObject({ end: "timeout", output: "waiting\n" });
    expect(Date.now() - started).toBeLessThan(15_000);
  });

  it("is killed when it takes more memory than it may", async () => {
    const limits = { memoryBytes: 32 * mebibyte };
    const script = "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done";
    const { end, status } = await shell(script, { limits });
    // Podman's conmon misses it where cgroups are of version 1.
    const told = isPodman ? /^(out-of-memory|exited) 137$/ : /^out-of-memory 137$/;
    expect(`${end} ${status}`).toMatch(told);
  });

  it("cannot start more processes than it may", async () => {
    const script = "for each in 1 2 3 4 5 6 7 8 9 10 11 12; do busybox sleep 5 & done";
    const { status, output } = await shell(script, { limits: { pids: 6 } });
    expect(`${status} ${output}`).toMatch(/can't fork/);
  });

  it("has a network only where it was asked for", async () => {
    const script = "busybox ls /sys/class/net";
    expect(await shell(script)).toMatchObject({ status: 0, output: "lo\n" });
    expect((await shell(script, { network: true })).output).toMatch(/\beth0\b/);
  });

  it("writes to nothing but its temporary folders", async () => {
    const script = "for each in / /etc /srv /tmp /run; do echo x > $each/new && echo $each; done 2> /dev/null; true";
    expect((await shell(script)).output).toBe("/tmp\n/run\n");
  });

  it("has no capability, gains no privilege, and leaves no core file", async () => {
    const { output } = await shell("busybox cat /proc/self/status; busybox sh -c 'ulimit -c'");
    for (const each of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
      expect(output).toMatch(`${each}: 0000000000000000`);
    expect(output).toContain("NoNewPrivs: 1");
    expect(output).toMatch(/\n0\n$/);
  });
});

describe("what cannot be started", () => {
  const failure = (command: readonly string[], asked: Asked = {}): Promise<unknown> =>
    run(command, asked).then(
      () => undefined,
      (error: unknown) => error,
    );

  it("is named, and is not asked for again", async () => {
    for (const program of ["/bin/nothing", "nothing", "/bin"]) {
      const error = await failure([program]);
      expect(error).toMatchObject({ code: "NOT_STARTED", retry: false });
      expect(messageOf(error)).toContain(program);
      expect(messageOf(error)).toMatch(/no such file|not found|permission denied|is a directory/i);
    }
    expect(await failure([])).toMatchObject({ code: "NOT_STARTED", retry: false });
    expect((await left(instance)).containers).toEqual([]);
  });

  it("says so itself where it is a file but no program", async () => {
    const made = await makeImage([{ "bin/busybox": busybox, "bin/text": Buffer.from("not a program\n") }]);
    const { end, status, output } = await run(["/bin/text"], { made });
    expect(`${end} ${status} ${output}`).toMatch(/^exited [1-9]\d* .*exec format error/);
  });

  it("is an image whose bytes are not what it says", async () => {
    const made = await makeImage([{ "bin/busybox": busybox }]);
    const torn: MadeImage = {
      ...made,
      source: {
        ...made.source,
        blob: async function* (descriptor) {
          for await (const chunk of made.source.blob(descriptor)) yield chunk.subarray(0, chunk.length >> 1);
        },
      },
    };
    const before = await left(instance);
    expect(await failure(["/bin/busybox", "true"], { made: torn })).toMatchObject({ name: "EngineError" });
    expect(await left(instance)).toEqual(before);
    expect(await run(["/bin/busybox", "true"], { made })).toMatchObject({ status: 0 });
  });
});

describe("an abort", () => {
  it("ends a run, and what others do with the same image goes on", async () => {
    const control = new AbortController();
    const reason = new Error("enough");
    const ended = expect(run(["/bin/busybox", "sleep", "60"], { signal: control.signal })).rejects.toBe(reason);
    const other = shell("busybox sleep 3; echo done");
    await until(instance, ({ containers }) => containers.length === 2);
    control.abort(reason);
    await ended;
    // Others that come just now find the image, too.
    expect(await shell("echo again")).toMatchObject({ output: "again\n" });
    expect(await other).toMatchObject({ end: "exited", status: 0, output: "done\n" });
    expect((await left(instance)).containers).toEqual([]);
  });

  it("that came before or while the container starts is not lost", async () => {
    await expect(shell("true", { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
    await shell("true");
    for (const ms of [0, 20, 60, 120, 200, 300]) {
      const started = Date.now();
      const signal = AbortSignal.timeout(ms);
      await expect(run(["/bin/busybox", "sleep", "20"], { signal })).rejects.toThrow(/timeout/);
      expect(Date.now() - started).toBeLessThan(10_000);
    }
    expect((await left(instance)).containers).toEqual([]);
  });
});

describe("what is left behind", () => {
  it("is one image for all runs of it, and nothing once the engine is closed", async () => {
    const owner = `${instance}-close`;
    const by = createDockerEngine(owner);
    const made = await makeImage([{ "bin/busybox": busybox }, { "srv/a": Buffer.from("a") }]);
    const results = await Promise.all([1, 2].map((each) => run(["/bin/busybox", "echo", String(each)], { made, by })));
    expect(results.map(({ output }) => output)).toEqual(["1\n", "2\n"]);
    await run(["/bin/busybox", "true"], { made, by });
    expect([...made.reads.values()]).toEqual([1, 1, 1]);
    const { containers, images } = await left(owner);
    expect([containers.length, images.length]).toEqual([0, 1]);
    await by.close();
    expect(await left(owner)).toEqual({ containers: [], images: [] });
    expect(await by.sweep()).toBe(0);
  });

  it("is swept by the next process of the same installation, and by no other", async () => {
    const owner = `${instance}-killed`;
    const script = fileURLToPath(new URL("testdata/run-and-hang.ts", import.meta.url));
    const child = spawn(process.execPath, [script, owner], { stdio: "inherit" });
    await until(owner, ({ containers }) => containers.length === 1);
    child.kill("SIGKILL");
    await once(child, "exit");
    const { containers, images } = await left(owner);
    expect([containers.length, images.length]).toEqual([1, 1]);
    expect(await createDockerEngine(`${owner}-not`).sweep()).toBe(0);
    expect(await left(owner)).toEqual({ containers, images });
    expect(await createDockerEngine(owner).sweep()).toBe(2);
    expect(await left(owner)).toEqual({ containers: [], images: [] });
  });
});

describe("an image of many layers", () => {
  it("runs with 40 of them, each seen", async () => {
    const layers = Array.from({ length: 39 }, (_, at) => ({ [`srv/${at}`]: Buffer.from(`${at}\n`) }));
    const made = await makeImage([{ "bin/busybox": busybox }, ...layers]);
    const result = await run(["/bin/busybox", "ls", "/srv"], { made });
    expect(result).toMatchObject({ end: "exited", status: 0 });
    expect(result.output.trim().split("\n")).toHaveLength(39);
  });
});
