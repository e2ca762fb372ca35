import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { check as checkSchema } from "../../core/config/checks-schema.ts";
import { createDockerEngine } from "../../io/engine/docker-engine.ts";
import { fetchBusybox, makeImage, type MadeImage } from "../../io/engine/testdata/made-image.ts";
import type { PlatformImage } from "../../io/layer/index.ts";
import { probeTcp } from "../../io/probe/index.ts";
import { findCompose, sha256, type Digest } from "../../lib/index.ts";
import { missingMirror } from "../build/testdata/real-packages.ts";
import { checkCompose } from "./check-compose.ts";

const execute = promisify(execFile);
const amd64 = { os: "linux", architecture: "amd64" };
const instance = `check-compose-test-${process.pid}`;
const engine = createDockerEngine(instance);
const compose = await findCompose(tmpdir(), new AbortController().signal);
const unusable =
  (await missingMirror()) ?? (await engine.missing()) ?? (typeof compose === "string" ? compose : undefined);
const missing = unusable ?? ((await engine.canRun(amd64)) ? undefined : "an engine for amd64");
const it = needs(missing);
const front = `tidemill-test-front:${process.pid}`;

const docker = async (...args: string[]): Promise<string[]> =>
  (await execute("docker", args)).stdout.split("\n").filter((line) => line !== "");

let home: string;
let busybox: Buffer;
/** Answers at /healthz and at /v1. */
let good: MadeImage;
/** Answers at /healthz: by itself it is well. */
let bad: MadeImage;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "check-compose-"));
  if (missing !== undefined) return;
  busybox = await fetchBusybox();
  const tools = {
    "bin/busybox": busybox,
    "bin/sh": { link: "busybox" },
    "bin/wget": { link: "busybox" },
    "bin/cat": { link: "busybox" },
  };
  const serve = { Entrypoint: ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/srv"], ExposedPorts: {} };
  good = await makeImage([{ ...tools, "srv/healthz": Buffer.from("well\n"), "srv/v1": Buffer.from("goods\n") }], serve);
  bad = await makeImage([{ ...tools, "srv/healthz": Buffer.from("well\n"), "srv/v2": Buffer.from("goods\n") }], serve);
  // Somebody else's: a web server that passes on what it gets from the service behind it.
  const site = await mkdtemp(join(home, "front-"));
  const script =
    "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\nexec wget -q -O - http://app:8080/v1 || echo broken\n";
  await mkdir(join(site, "bin"));
  await mkdir(join(site, "srv", "cgi-bin"), { recursive: true });
  await writeFile(join(site, "bin", "busybox"), busybox, { mode: 0o755 });
  for (const tool of ["sh", "wget", "cat", "id"]) await symlink("busybox", join(site, "bin", tool));
  await writeFile(join(site, "srv", "cgi-bin", "goods"), script, { mode: 0o755 });
  await execute("sh", [
    "-c",
    `tar -C "$0" -c . | docker import -c 'CMD ["/bin/busybox","httpd","-f","-vv","-p","8080","-h","/srv"]' - "$1"`,
    site,
    front,
  ]);
}, 120_000);
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
  if (missing !== undefined) return;
  await engine.close();
  await engine.sweep();
  await docker("rmi", "--force", front).catch(() => []);
});

const usual = { service: "front", http: { port: 8080, path: "/cgi-bin/goods", contains: "goods" } };
const shop = (more = "") => `services:
  app: { image: shop/app, restart: always }
  front: { image: "${front}", depends_on: [app]${more} }
`;
const digest: Digest = sha256("candidate");

async function ask(made: MadeImage, text: string, change: object = {}, own: Record<string, MadeImage | null> = {}) {
  await writeFile(join(home, "set.yml"), text);
  const asked = checkSchema.parse({
    name: "set",
    compose: "set.yml",
    service: "app",
    probes: [usual],
    timeout: "90s",
    ...change,
  });
  if (!("compose" in asked)) throw new Error("it is another check");
  const request = {
    source: made.source,
    told: { image: "app", environment: "staging", reference: `registry.example/app@${digest}` },
    ownInSet: async (name: string) => {
      const image = Object.hasOwn(own, name) ? own[name] : undefined;
      if (image === undefined) return Promise.resolve(undefined);
      return {
        image: name,
        source: image === null ? made.source : image.source,
        digest: image === null ? undefined : digest,
      };
    },
  };
  const images = {
    manifests: (source: unknown) => {
      const found = Object.values(own).find((one) => one !== null && one.source === source);
      const platforms = found ? [{ platform: amd64, parsed: found.manifest }] : [];
      return Promise.resolve({ raw: undefined, index: undefined, platforms } as never);
    },
  };
  const image = { platform: amd64, parsed: made.manifest } as PlatformImage;
  return checkCompose(asked, request, { image, images, engine, home });
}

/** What the runs of this file have left in the daemon. */
async function left(owner = instance): Promise<string[]> {
  const filter = ["--quiet", "--filter", `label=dev.tidemill.check=${owner}`];
  const kinds = [
    ["ps", "--all"],
    ["network", "ls"],
    ["volume", "ls"],
  ];
  const found = await Promise.all(kinds.map((kind) => docker(...kind, ...filter)));
  const folders = (await readdir(tmpdir())).filter((one) =>
    one.startsWith(`tidemill-set-${sha256(owner).slice(7, 19)}-`),
  );
  return [...found.flat(), ...folders];
}

describe("a set of services with the candidate in it, in Docker", () => {
  it("is well where what stands before the candidate gets what it wants, and breaks with one that is well by itself", async () => {
    expect(await ask(good, shop())).toMatchObject({ verdict: "passed", messages: [] });
    const alone = { probes: [{ service: "app", http: { port: 8080, path: "/healthz", contains: "well" } }] };
    expect(await ask(bad, shop(), alone)).toMatchObject({ verdict: "passed", messages: [] });
    const broken = await ask(bad, shop(), { timeout: "20s" });
    expect(broken.verdict).toBe("failed");
    expect(broken.messages[0]).toMatch(/^it was not well within 20000 ms: front: .*contain/);
    // What both of them said stands with it.
    expect(broken.log).toMatch(/^front \| /m);
    expect(broken.messages.slice(1).join("\n")).toMatch(/front: .*404/);
    expect(await left()).toEqual([]);
  }, 120_000);

  it("has no way out, limits, no capabilities, and nothing of this machine but what lies below its file", async () => {
    await mkdir(join(home, "site"), { recursive: true });
    await writeFile(join(home, "site", "page"), "from below\n");
    const text = `services:
  app:
    image: shop/app
    volumes: [./site:/site, "data:/data"]
    tmpfs: /more
volumes: { data: }
`;
    const [outside = ""] = await docker("run", "--detach", front);
    const [address = ""] = await docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", outside);
    // It does listen, for whoever comes that far.
    const knock = (): Promise<unknown> => probeTcp({ host: address, port: 8080, timeoutMs: 5000 });
    await expect.poll(knock, { timeout: 20_000 }).toMatchObject({ kind: "passed" });
    const holds = [
      "[ \"$(cat /site/page)\" = 'from below' ]",
      "busybox touch /data/x && busybox touch /more/x && busybox touch /tmp/x",
      "! busybox touch /site/x",
      "! busybox touch /x",
      "busybox grep -qE '^CapEff:.*0{16}$' /proc/self/status",
      "busybox grep -qE '^CapBnd:.*0{16}$' /proc/self/status",
      "busybox grep -qE '^NoNewPrivs:.*1$' /proc/self/status",
      `! wget -T 3 -q -O - http://${address}:8080/`,
      '[ "$(cat /sys/fs/cgroup/memory.max || cat /sys/fs/cgroup/memory/memory.limit_in_bytes)" = 536870912 ]',
    ];
    const script = holds.map((one, at) => `{ ${one}; } || { echo "${at} does not hold"; exit 9; }`).join("\n");
    const probes = [{ service: "app", command: ["/bin/sh", "-c", script], timeout: "20s" }];
    try {
      expect(await ask(good, text, { probes })).toMatchObject({ verdict: "passed", messages: [] });
    } finally {
      await docker("rm", "--force", outside);
    }
    expect(await left()).toEqual([]);
  }, 120_000);

  it("runs the fleet's own images as the environment has them, and is not run where it has none", async () => {
    const probes = [{ service: "other", http: { port: 8080, path: "/v2", contains: "goods" } }];
    const text =
      "services: { app: { image: shop/app }, other: { image: 'shop/other:staging' }, again: { image: shop/app } }\n";
    const own = { "shop/other:staging": bad, "shop/app": good };
    expect(await ask(good, text, { probes }, own)).toMatchObject({ verdict: "passed", messages: [] });
    expect(await ask(good, text, { probes }, { ...own, "shop/other:staging": null })).toMatchObject({
      verdict: "not_run",
      messages: ["shop/other:staging, which is in the set as other, has nothing in staging yet"],
    });
  }, 120_000);

  it("fails with what a service said that ended, and says which file is wrong where", async () => {
    const probes = [{ service: "app", tcp: 8080 }];
    const text = shop().replace(
      "restart: always",
      "command: [/bin/sh, -c, 'x'], entrypoint: [/bin/sh, -c, 'echo gone away; exit 3']",
    );
    const ended = await ask(good, text, { probes });
    expect(ended.verdict).toBe("failed");
    expect(ended.messages).toEqual(expect.arrayContaining(["app ended with 3", "app: gone away"]));
    expect(await ask(good, shop(", privileged: true"))).toMatchObject({
      verdict: "failed",
      messages: [
        expect.stringMatching(/^set\.yml:3:\d+: services\.front\.privileged: nothing of a set is privileged$/),
      ],
    });
    expect(await ask(good, shop(), { service: "none" })).toMatchObject({
      verdict: "failed",
      messages: ["set.yml: there is no service none in it"],
    });
    await symlink("/etc", join(home, "outside"));
    expect(await ask(good, shop(", volumes: ['./outside:/x']"))).toMatchObject({
      verdict: "failed",
      messages: ["the set was not started: front mounts ./outside, which lies elsewhere by a link"],
    });
    expect(await left()).toEqual([]);
  }, 120_000);

  it("is waited for where an image of others cannot be pulled: that says nothing of the candidate", async () => {
    const text = "services: { app: { image: a }, other: { image: '127.0.0.1:9/none/none:1' } }";
    expect(await ask(good, text, { probes: [{ service: "app", tcp: 8080 }] })).toMatchObject({
      verdict: "not_run",
      messages: [expect.stringMatching(/^its images cannot be pulled: /)],
      wordWanted: true,
    });
  }, 180_000);

  it("is ended with the check, and taken away by the next process where its own was killed", async () => {
    const owner = `${instance}-killed`;
    await writeFile(join(home, "slow.yml"), shop());
    const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    const program = `
      const { createDockerEngine } = await import(${url("../../io/engine/docker-engine.ts")});
      const { fetchBusybox, makeImage } = await import(${url("../../io/engine/testdata/made-image.ts")});
      const { parseComposeSet } = await import(${url("../../core/compose/index.ts")});
      const made = await makeImage([{ "bin/busybox": await fetchBusybox() }], { Entrypoint: ["/bin/busybox", "sleep", "600"] });
      const { set } = parseComposeSet(${JSON.stringify(`${shop()}volumes: { data: }\n`)});
      const request = { ...made, platform: { os: "linux", architecture: "amd64" }, set, service: "app", writable: false,
        own: {}, folder: ${JSON.stringify(home)}, timeoutMs: 60000, limits: { memoryBytes: 1 << 28, cpus: 1, pids: 50, outputBytes: 1000 } };
      await createDockerEngine(${JSON.stringify(owner)}).serveSet(request, () => { console.log("runs"); return new Promise(() => setInterval(() => {}, 1000)); });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      cwd: fileURLToPath(new URL("../../../", import.meta.url)),
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve, reject) => {
      child.stdout.once("data", resolve);
      child.once("exit", () => reject(new Error("it ended")));
    });
    expect((await left(owner)).length).toBeGreaterThanOrEqual(4);
    child.kill("SIGKILL");
    await sleep(500);
    const next = createDockerEngine(owner);
    expect(await next.sweep()).toBeGreaterThanOrEqual(4);
    expect(await left(owner)).toEqual([]);
  }, 120_000);
});
