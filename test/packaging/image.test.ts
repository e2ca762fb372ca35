import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { stringify } from "yaml";
import { noNpm } from "../../src/io/bump/testdata/npm-project.ts";
import { missingMirror } from "../../src/loop/build/testdata/real-packages.ts";
import { freePort } from "../free-port.ts";
import { needs } from "../needs.ts";
import { runTidemill } from "../quickstart/run-quickstart.ts";
import { packTidemill } from "./packed-tidemill.ts";

const execute = promisify(execFile);
const place = fileURLToPath(new URL("../../packaging/image/", import.meta.url));
const docker = async (...args: string[]): Promise<string> =>
  (await execute("docker", args, { maxBuffer: 1 << 26 })).stdout.trim();
const noDocker = await docker("info", "--format", "{{.ServerVersion}}").then(
  () => undefined,
  () => "a Docker engine",
);
const missing = noNpm ?? (await missingMirror()) ?? noDocker;
const it = needs(missing);

const name = `tidemill-image-test-${process.pid}`;
let folder: string;
beforeAll(async () => {
  if (missing !== undefined) return;
  folder = await mkdtemp(join(tmpdir(), "tidemill-image-"));
  const packed = await packTidemill();
  try {
    await execute(join(place, "prepare"), [packed.tarball, join(folder, "rootfs")], { maxBuffer: 1 << 26 });
  } finally {
    await packed.close();
  }
  await writeFile(join(folder, "tidemill.yaml"), await readFile(join(place, "tidemill.yaml")));
}, 600_000);
afterAll(async () => {
  if (missing !== undefined) return;
  for (const args of [
    ["rm", "--force", name],
    ["volume", "rm", "--force", name],
    ["rmi", "--force", name],
  ])
    await docker(...args).catch(() => "");
  await rm(folder, { recursive: true, force: true });
});

const build = async (data: string): Promise<string> => {
  const to = join(folder, `${data}.tar`);
  const args = ["build", "tidemill", "--data", join(folder, data), "--to", to, "--json"];
  const { status, out, err } = await runTidemill(args, { cwd: folder });
  if (status !== 0) throw new Error(err);
  return (JSON.parse(out) as { digest: string }).digest;
};

describe("the image of Tidemill that Tidemill makes", () => {
  it("is the same whenever it is made, holds nothing that is root's to write, and says what is in it", async () => {
    expect(await build("one")).toBe(await build("two"));
    const archive = join(folder, "one.tar");
    await docker("load", "-i", archive);
    await docker("tag", "tidemill:latest", name);
    const { Config } = (JSON.parse(await docker("inspect", name)) as [{ Config: { User: string; Env: string[] } }])[0];
    expect(Config.User).toBe("65532:65532");
    const bom = await runTidemill(["inventory", archive, "--cyclonedx"], { cwd: folder });
    for (const purl of ["pkg:npm/hono@", "pkg:npm/%40electric-sql/pglite@", "pkg:deb/debian/libstdc%2B%2B6@"])
      expect(bom.out).toContain(purl);
  }, 600_000);

  it("serves without a right, on a root that cannot be written to, and is ready once its state is", async () => {
    const port = await freePort();
    const config = {
      version: 1,
      upstreams: { debian: { kind: "debian", codename: "bookworm", mirror: "http://127.0.0.1:9/debian" } },
      environments: [{ name: "production" }],
      server: { listen: "0.0.0.0:7077", trustedProxies: ["172.16.0.0/12"] },
      images: { web: { recipe: "packages", upstream: "debian", packages: ["openssl"] } },
    };
    const home = join(folder, "etc");
    await mkdir(home);
    await writeFile(join(home, "tidemill.yaml"), stringify(config));
    const contained = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp"];
    const mounts = ["--volume", `${name}:/var/lib/tidemill`, "--volume", `${home}:/etc/tidemill:ro`];
    await docker(
      "run",
      "--detach",
      "--name",
      name,
      ...contained,
      ...mounts,
      "--publish",
      `127.0.0.1:${port}:7077`,
      name,
    );
    const ask = (path: string): Promise<string> =>
      fetch(`http://127.0.0.1:${port}/${path}`, { signal: AbortSignal.timeout(5000) }).then(
        async (response) => `${response.status} ${await response.text()}`,
        () => "nobody there",
      );
    await expect.poll(() => ask("readyz"), { timeout: 120_000, interval: 500 }).toBe("200 ok\n");
    expect(await ask("healthz")).toBe("200 ok\n");
    expect(await docker("exec", name, "/usr/local/bin/node", "-p", "process.getuid()")).toBe("65532");
    // What it keeps is there after a restart, and it is ready again.
    await docker("restart", "--time", "30", name);
    await expect.poll(() => ask("readyz"), { timeout: 120_000, interval: 500 }).toBe("200 ok\n");
    expect((await docker("logs", name)).match(/^Status page/gm)).toHaveLength(2);
  }, 300_000);
});
