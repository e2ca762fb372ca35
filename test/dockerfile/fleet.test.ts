import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { createFleetOperations } from "../../src/fleet-operations.ts";
import { openFleet, type Fleet } from "../../src/fleet.ts";
import type { CandidateOrigin } from "../../src/loop/context.ts";
import type { Operations, ProgressEvent } from "../../src/operation/index.ts";
import { inContainer, missingDocker } from "../assembly/docker-run.ts";
import { missingApt } from "../apt/apt-oracle.ts";
import { startOpeningMirror, type OpeningMirror } from "../fakes/opening-mirror.ts";
import { createPgliteDir } from "../fakes/stores.ts";
import { needs } from "../needs.ts";

const run = promisify(execFile);
const missingBuildah = await run("buildah", ["--version"]).then(
  () => undefined,
  () => "buildah is not installed",
);
const missing = (await missingApt()) ?? (await missingDocker());

/** What stands on the base, and in which way. */
const dockerfiles = {
  /** Only adds a file: its layers can stand on any base. */
  web: 'FROM base\nCOPY hello /srv/hello\nCMD ["/srv/hello"]\n',
  /** Replaces a file of the base. */
  overlap: "FROM base\nRUN cp /usr/bin/openssl /tmp/openssl && mv /tmp/openssl /usr/bin/openssl\n",
  /** Installs packages of its own in a layer that builders keep. */
  tool: "FROM base AS builder\nCOPY hello /hello\nFROM base\nRUN apt-get update; apt-get install -y --no-install-recommends libssh2-1\nCOPY --from=builder /hello /srv/hello\n",
  /** Stands on something that no update reaches. */
  alone: "FROM busybox\nCOPY Dockerfile /srv/note\n",
};
type Child = keyof typeof dockerfiles;
const children = Object.keys(dockerfiles) as Child[];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-dockerfiles-"));
  for (const name of children) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "Dockerfile"), dockerfiles[name]);
    await writeFile(join(folder, name, "hello"), "#!/bin/sh\necho hello\n", { mode: 0o755 });
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function configText(mirror: OpeningMirror, suites: readonly string[], engine: string): string {
  return `version: 1
upstreams:
  debian:
    kind: debian
    codename: bookworm
    mirror: ${mirror.archive}
    securityMirror: ${mirror.security}
    suites: [${suites.join(", ")}]
environments:
  - name: staging
  - name: production
engine: { use: ${engine} }
images:
  base:
    recipe: packages
    upstream: debian
    essential: true
    packages: [apt, openssl, ca-certificates]
    files: [{ from: sources.list, to: /etc/apt/sources.list }]
  busybox:
    recipe: packages
    upstream: debian
    packages: [busybox-static]
${children.map((name) => `  ${name}: { recipe: dockerfile, context: ${name}, network: host }\n`).join("")}`;
}

interface OpenFleet {
  readonly fleet: Fleet;
  readonly operations: Operations;
  readonly events: ProgressEvent[];
  readonly origin: (image: string) => Promise<CandidateOrigin>;
  readonly version: (image: string, name: string) => Promise<string | undefined>;
}

async function withFleet<T>(dataDir: string, config: string, work: (open: OpenFleet) => Promise<T>): Promise<T> {
  const configPath = join(folder, "tidemill.yaml");
  await writeFile(configPath, config);
  const events: ProgressEvent[] = [];
  const options = {
    configPath,
    dataDir,
    cacheDir: join(folder, "cache"),
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
  };
  const fleet = await openFleet({ ...options, onEvent: (event) => void events.push(event) });
  try {
    const { store } = fleet.ctx;
    const inProduction = async (image: string) => {
      const pointer = (await store.loadPointers(image)).find(({ environment }) => environment === "production");
      const row = await store.loadImageDigest(image, pointer?.digest ?? "sha256:");
      if (row === undefined) throw new Error(`${image} is not in production`);
      return row;
    };
    return await work({
      fleet,
      operations: createFleetOperations(fleet, { env: options.env, configPath, serving: undefined }),
      events,
      origin: async (image) => (await inProduction(image)).detail["origin"] as CandidateOrigin,
      version: async (image, name) => {
        const { inventories } = await inProduction(image);
        const held = await store.loadInventories(Object.values(inventories));
        return [...held.values()].flatMap(({ packages }) => packages).find((one) => one.name === name)?.version;
      },
    });
  } finally {
    await fleet.close();
  }
}

const engines = [
  ["docker", missing],
  ["buildah", missing ?? missingBuildah],
] as const;

describe.each(engines)("a fleet of Dockerfiles on a Debian base, built by %s", (engine, lacking) => {
  needs(lacking)(
    "renews itself on the morning of an advisory, each image by the cheapest remedy that is safe",
    async () => {
      const dataDir = await createPgliteDir();
      const mirror = await startOpeningMirror();
      const sources = `deb ${mirror.archive} bookworm main\ndeb ${mirror.security} bookworm-security main\n`;
      await writeFile(join(folder, "sources.list"), sources);
      try {
        const before = await withFleet(dataDir, configText(mirror, ["release"], engine), async (open) => {
          await open.operations.run({});
          const failed = open.events.filter(({ kind }) => kind === "failed" || kind === "alarm");
          expect(failed.map(({ image, message }) => `${image}: ${message}`)).toEqual([]);
          for (const name of children) expect(await open.origin(name)).toMatchObject({ remedy: "rebuild" });
          const graph = await open.operations.graph({ node: "base" });
          expect(graph.nodes[0]?.reaches).toEqual(["overlap", "tool", "web"]);
          return { openssl: await open.version("base", "openssl"), ssh: await open.version("tool", "libssh2-1") };
        });

        mirror.open();
        await withFleet(dataDir, configText(mirror, ["release", "security"], engine), async (open) => {
          const plan = await open.operations.plan({ refresh: true });
          expect(plan.waves.map(({ rebuilds }) => rebuilds.map(({ image }) => image))).toEqual([
            ["base"],
            ["overlap", "tool", "web"],
          ]);
          expect(plan.waves[1]?.rebuilds.map(({ remedy }) => remedy)).toEqual(["rebase", "rebuild", "rebase"]);
          expect(plan.untouched.map(({ image }) => image)).toEqual(expect.arrayContaining(["alone", "busybox"]));
          await open.operations.run({});
          const failed = open.events.filter(({ kind }) => kind === "failed" || kind === "alarm");
          expect(failed.map(({ image, message }) => `${image}: ${message}`)).toEqual([]);

          const fixed = await open.version("base", "openssl");
          expect(fixed).not.toBe(before.openssl);
          for (const name of ["web", "overlap", "tool"] as const)
            expect(await open.version(name, "openssl")).toBe(fixed);
          expect(await open.origin("web")).toMatchObject({ remedy: "rebase" });
          expect(await open.origin("overlap")).toMatchObject({
            remedy: "rebuild",
            why: expect.stringContaining("usr/bin/openssl") as string,
          });
          expect(await open.origin("tool")).toMatchObject({ remedy: "rebuild" });
          expect(await open.version("tool", "libssh2-1")).not.toBe(before.ssh);
          const log = await open.operations.log({ image: "tool" });
          expect(log.lines.join("\n")).toContain("libssh2-1");

          const again = await open.operations.run({});
          expect(again.rebuilds).toEqual([]);
          const { host } = open.fleet.registry === undefined ? { host: "" } : await open.fleet.registry.listen(0);
          for (const name of ["web", "tool"]) {
            const { status, output } = await inContainer(
              `${host}/${name}:production`,
              "dpkg --audit; dpkg -V openssl libssl3; openssl version; /srv/hello",
            );
            expect(`${status} ${output}`).toMatch(/^0 OpenSSL [^\n]*\nhello\n/);
          }
        });
      } finally {
        await mirror.close();
        await rm(dataDir, { recursive: true, force: true });
      }
    },
    900_000,
  );
});
