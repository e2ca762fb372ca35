import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { needs } from "../../../../test/needs.ts";
import { missingMirror } from "../../../loop/build/testdata/real-packages.ts";
import {
  engineNames,
  missingEngines,
  openBuildSite,
  processesWith,
  startBuildkitd,
  type BuildSite,
  type Buildkitd,
  type BuiltImage,
  type EngineName,
} from "./testdata/build-site.ts";
import { defaultBuildLimits, type BuildEngine, type BuildRequest } from "./types.ts";

const noMirror = await missingMirror();
const missing = await missingEngines();
const here = engineNames.filter((name) => noMirror === undefined && missing[name] === undefined);
const itFor = (name: EngineName): ReturnType<typeof needs> => needs(noMirror ?? missing[name]);
/** Those that hold limits of memory and disk for each build. */
const limited = ["classic", "buildah"] as const;
/** Those that have secrets. */
const keeping = ["buildkit", "buildx", "buildah", "buildctl"] as const;
const mebibyte = 1_048_576;
const canary = "canary-4f1d7c-of-the-host";
const token = "token-91ab7e-of-the-build";

let site: BuildSite;
let daemon: Buildkitd | undefined;
let engines: Readonly<Record<EngineName, BuildEngine>>;
beforeAll(async () => {
  if (here.length === 0) return;
  if (here.includes("buildctl")) daemon = await startBuildkitd(`/tmp/tidemill-buildkitd-${process.pid}`);
  site = await openBuildSite(daemon);
  // What must not be found.
  for (const name of ["DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "TIDEMILL_KEY", "SSH_AUTH_SOCK"])
    site.env[name] = `x://${canary}`;
  // What makes an engine hand more to a build than it was given.
  site.env["BUILDAH_ISOLATION"] = "chroot";
  site.env["BUILD_TOKEN"] = `${token}\n`;
  await writeFile(join(site.dir, "key.pem"), canary);
  engines = site.engines();
}, 300_000);
afterAll(async () => {
  await daemon?.close();
  await site?.close();
});

interface Ended {
  readonly image: BuiltImage | undefined;
  readonly error: { readonly code: string; readonly message: string } | undefined;
  readonly log: string;
}

async function build(name: EngineName, request: BuildRequest, signal = new AbortController().signal): Promise<Ended> {
  const lines: string[] = [];
  const log = (): string => lines.join("\n");
  try {
    const result = await engines[name].build(request, (line) => lines.push(line), signal);
    const image = await site.read(result);
    await result.close();
    return { image, error: undefined, log: log() };
  } catch (error) {
    return { image: undefined, error: error as Ended["error"], log: log() };
  }
}

/** A Dockerfile that no earlier run has built. */
const fresh = (lines: string): string => `FROM $BASE\nRUN : ${process.pid} ${Date.now()}\n${lines}\n`;
const small = (change: object): { limits: BuildRequest["limits"] } => ({
  limits: { ...defaultBuildLimits, timeoutMs: 60_000, memoryBytes: 256 * mebibyte, ...change },
});

async function gone(words: string): Promise<void> {
  for (let tries = 0; (await processesWith(words)).length > 0; tries += 1) {
    if (tries > 150) throw new Error(`left: ${(await processesWith(words)).join("\n")}`);
    await sleep(100);
  }
}

async function started(words: string): Promise<void> {
  for (
    let tries = 0;
    !(await processesWith(words)).some((line) => /^\s*\d+ (?:\/bin\/sh -c )?sleep \d+$/.test(line));
    tries += 1
  ) {
    if (tries > 300) throw new Error("it never started");
    await sleep(100);
  }
}

describe("FAULTS 20: a step that looks around", () => {
  const look = [
    "printenv",
    "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'",
    "cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' '",
    "find / -name 'docker.sock' -o -name 'buildkitd.sock' -o -name '*.pem' -o -name 'containerd.sock' 2>/dev/null | grep -v '^/proc/' | sed 's/^/FO''UND /'",
    `grep -rs ${canary.slice(0, 13)} /tmp /root /home /run /etc /srv /var 2>/dev/null`,
    "ls -la / /run /run/secrets 2>/dev/null",
    "cat /proc/self/mountinfo",
  ].join("; ");

  for (const name of engineNames)
    itFor(name)(
      `${name}: finds no key, no address of a database, no socket of an engine, no other build's files`,
      async () => {
        const other = build(
          name,
          await site.request(fresh("COPY other /other\nRUN sleep 3"), {
            name: "other",
            context: await site.context({ other: canary }),
          }),
        );
        const request = await site.request(fresh(`RUN { ${look}; } > /seen; cat /seen`));
        const { image, error, log } = await build(name, request);
        expect(error, log).toBeUndefined();
        const seen = image?.tree.get("seen")?.text ?? "";
        expect(seen).toMatch(/^PATH=/m);
        expect(seen.replaceAll(look, "")).not.toContain(canary);
        expect(seen).not.toMatch(/FOUND|DATABASE_URL|AWS_|GITHUB_|TIDEMILL/);
        expect(image?.bytes.includes(canary)).toBe(false);
        expect(log).not.toContain(`x://${canary}`);
        expect((await other).error).toBeUndefined();
      },
    );
});

describe("FAULTS 20: a secret", () => {
  const secrets = [{ id: "token", env: "BUILD_TOKEN" }];
  const mount = "RUN --mount=type=secret,id=token";

  for (const name of keeping) {
    itFor(name)(`${name}: is there for the step that mounts it, and in no layer, config or log`, async () => {
      const dockerfile = fresh(
        `${mount} wc -c < /run/secrets/token > /size; cat /run/secrets/token; echo "[$(cat /run/secrets/token)]"; busybox base64 /run/secrets/token`,
      );
      const { image, error, log } = await build(name, await site.request(dockerfile, { secrets }));
      expect(error, log).toBeUndefined();
      expect(image?.tree.get("size")?.text.trim()).toBe(String(token.length + 1));
      expect(log).toContain("[***]");
      for (const form of [token, Buffer.from(`${token}\n`).toString("base64")]) {
        expect(log).not.toContain(form);
        expect(image?.bytes.includes(form)).toBe(false);
      }
      expect((await readdir(join(site.dir, "engine/builds"))).length).toBe(0);
    });

    itFor(name)(`${name}: that a step keeps is found, and the image is thrown away`, async () => {
      const request = await site.request(fresh(`${mount} cp /run/secrets/token /kept`), { secrets });
      const { error } = await build(name, request);
      expect(error).toMatchObject({
        code: "SECRET_LEAKED",
        message: expect.stringMatching(/token is in layer 4/) as string,
      });
      expect(error?.message).not.toContain(token);
    });

    itFor(name)(`${name}: that is not there is named`, async () => {
      const nowhere = await build(name, await site.request("FROM $BASE", { secrets: [{ id: "a", env: "NOWHERE" }] }));
      expect(nowhere.error).toMatchObject({
        code: "BAD_SECRET",
        message: expect.stringContaining("NOWHERE") as string,
      });
      const endless = await build(
        name,
        await site.request("FROM $BASE", { secrets: [{ id: "a", file: "/dev/zero" }] }),
      );
      expect(endless.error).toMatchObject({ code: "BAD_SECRET" });
    });
  }

  itFor("classic")("classic: has none, and says so", async () => {
    const { error } = await build("classic", await site.request("FROM $BASE", { secrets }));
    expect(error).toMatchObject({ code: "NOT_SUPPORTED", message: expect.stringContaining("buildx") as string });
  });
});

describe("FAULTS 21: a build without measure", () => {
  for (const name of engineNames) {
    itFor(name)(`${name}: that sleeps is ended when its time is up, while another goes on`, async () => {
      const marker = `sleep 36${process.pid}${engineNames.indexOf(name)}`;
      const other = build(name, await site.request(fresh("RUN sleep 6; echo done > /done"), { name: "other" }));
      const begun = Date.now();
      const { error } = await build(name, await site.request(fresh(`RUN ${marker}`), small({ timeoutMs: 4000 })));
      expect(error).toMatchObject({
        code: "BUILD_TIMEOUT",
        message: "web: the build took longer than 4.0 s and was ended",
      });
      expect(Date.now() - begun).toBeLessThan(20_000);
      await gone(marker);
      expect((await other).image?.tree.get("done")?.text).toBe("done\n");
    });

    itFor(name)(`${name}: that says too much is heard up to the limit, and ends as it would`, async () => {
      const dockerfile = fresh("RUN yes 0123456789012345678901234567890123456789 | head -c 30000000; echo x > /x");
      const before = process.memoryUsage().rss;
      const { image, log } = await build(name, await site.request(dockerfile, small({ logBytes: 20_000 })));
      expect(image?.tree.get("x")?.text).toBe("x\n");
      expect(log.length).toBeLessThan(20_200);
      expect(log).toMatch(/MB of output were left out$|output clipped|^#/m);
      expect(process.memoryUsage().rss - before).toBeLessThan(200 * mebibyte);
    });

    itFor(name)(`${name}: whose image is too large is refused`, async () => {
      const dockerfile = fresh("RUN dd if=/dev/zero of=/big bs=1M count=30 2>/dev/null");
      const { error } = await build(name, await site.request(dockerfile, small({ diskBytes: 20 * mebibyte })));
      expect(error).toMatchObject({ code: "DISK_FULL" });
      expect(await readdir(join(site.dir, "engine/builds"))).toEqual([]);
    });
  }

  for (const name of limited) {
    itFor(name)(`${name}: that fills the disk is ended before it is done`, async () => {
      const marker = `sleep 37${process.pid}${engineNames.indexOf(name)}`;
      const dockerfile = fresh(
        `RUN for i in 1 2 3 4 5; do dd if=/dev/zero of=/big$i bs=1M count=20 2>/dev/null; done; ${marker}`,
      );
      const { error } = await build(name, await site.request(dockerfile, small({ diskBytes: 50 * mebibyte })));
      expect(error).toMatchObject({
        code: "DISK_FULL",
        message: expect.stringMatching(/a step has written more than/) as string,
      });
      await gone(marker);
    });

    itFor(name)(`${name}: that takes too much memory is killed`, async () => {
      const dockerfile = fresh("RUN x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done");
      const { error } = await build(name, await site.request(dockerfile, small({ memoryBytes: 48 * mebibyte })));
      expect(error).toMatchObject({
        code: "OUT_OF_MEMORY",
        message: expect.stringMatching(/line 3 of the Dockerfile.*50\.3 MB/) as string,
      });
    });

    itFor(name)(
      `${name}: that is a fork bomb takes down nothing but itself`,
      async () => {
        const other = build(name, await site.request(fresh("RUN sleep 2; echo done > /done"), { name: "other" }));
        const bomb = fresh("RUN bomb() { bomb | bomb & }; bomb; sleep 60");
        const { error } = await build(
          name,
          await site.request(bomb, small({ memoryBytes: 64 * mebibyte, cpus: 1, timeoutMs: 8000 })),
        );
        expect(error?.code).toMatch(/^(?:OUT_OF_MEMORY|BUILD_TIMEOUT|BUILD_FAILED)$/);
        await gone("bomb() { bomb");
        expect((await other).image?.tree.get("done")?.text).toBe("done\n");
      },
      300_000,
    );
  }
});

describe("a build whose process was killed", () => {
  for (const name of engineNames)
    itFor(name)(
      `${name}: is ended and swept by the next one`,
      async () => {
        const marker = `sleep 38${process.pid}${engineNames.indexOf(name)}`;
        const options = {
          instance: site.dir,
          dir: join(site.dir, "engine"),
          program: daemon?.program ?? "",
          address: daemon?.address ?? "",
        };
        const secrets = name === "classic" ? [] : [{ id: "token", env: "BUILD_TOKEN" }];
        const request = await site.request(fresh(`RUN ${marker}`), { secrets });
        const script = fileURLToPath(new URL("testdata/build-and-hang.ts", import.meta.url));
        const child = spawn(process.execPath, [script, JSON.stringify({ engine: name, options, request })], {
          stdio: ["ignore", "ignore", "inherit"],
          env: {
            ...process.env,
            BUILD_TOKEN: token,
            ...(name === "buildx" ? { DOCKER_CONFIG: join(site.dir, "docker-config") } : {}),
          },
        });
        await started(marker);
        child.kill("SIGKILL");
        await once(child, "exit");
        expect((await readdir(join(site.dir, "engine/builds"))).length).toBe(1);
        expect(await site.engines()[name].sweep()).toBe(1);
        await gone(marker);
        expect(await readdir(join(site.dir, "engine/builds"))).toEqual([]);
        // The folder of the same installation works on.
        const { error } = await build(name, await site.request(fresh("RUN true")));
        expect(error).toBeUndefined();
      },
      240_000,
    );
});
