import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonicalJson } from "../../src/lib/index.ts";
import { createSignedFleet } from "../evidence/signed-fleet.ts";
import { createPgliteDir } from "../fakes/stores.ts";
import type { Made } from "./build-elsewhere.ts";
import { smallPackages, type SmallFleet } from "./small-fleet.ts";

const program = fileURLToPath(new URL("build-elsewhere.ts", import.meta.url));
const day = 86_400_000;
let small: SmallFleet;
let dirs: string[];
let made: [Made, Made];
let port: number;

/** Works in a process of its own, as another machine would be set up. */
async function workAs(
  dir: string,
  umask: string,
  aheadMs: number,
  env: Readonly<Record<string, string>>,
): Promise<Made> {
  const words = [process.execPath, program, small.configPath, dir, String(aheadMs), String(port)];
  const { DATABASE_URL: _, ...own } = process.env;
  const { stdout } = await promisify(execFile)("sh", ["-c", `umask ${umask}; exec "$@"`, "sh", ...words], {
    env: { ...own, ...small.env, ...env },
    maxBuffer: 64 * 2 ** 20,
  });
  return JSON.parse(stdout) as Made;
}

beforeAll(async () => {
  small = await createSignedFleet();
  await small.publish(smallPackages());
  port = await freePort();
  dirs = [await createPgliteDir(), await createPgliteDir()];
  made = [
    await workAs(dirs[0] ?? "", "022", 0, { TZ: "UTC", LC_ALL: "C" }),
    await workAs(dirs[1] ?? "", "077", 400 * day, {
      TZ: "Pacific/Kiritimati",
      LC_ALL: "tr_TR.UTF-8",
      LANG: "tr_TR.UTF-8",
    }),
  ];
}, 120_000);
afterAll(async () => {
  await small.remove();
  for (const dir of dirs) await rm(dir, { recursive: true, force: true });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port: found } = server.address() as AddressInfo;
      server.close(() => resolve(found));
    });
  });
}

/** What is said but for moments and the ids of attempts. */
function timeless(value: unknown): unknown {
  return JSON.parse(
    canonicalJson(value)
      .replaceAll(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"then"')
      .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "id"),
  );
}

describe("two workers with other clocks, umasks, zones and languages", () => {
  it("are as different as they are said to be", () => {
    const [one, other] = made.map(({ world }) => world);
    expect([one?.umask, other?.umask]).toEqual([0o022, 0o077]);
    expect(other?.year).toBeGreaterThan(one?.year ?? Infinity);
    expect(other?.zone).not.toBe(one?.zone);
  });

  it("make the same digests of the same inputs, by `packages` and by `rebase`", () => {
    const digests = made.map(({ images, rebased }) => ({
      rebased,
      images: Object.fromEntries(Object.entries(images).map(([name, { digest }]) => [name, digest])),
    }));
    expect(Object.keys(digests[0]?.images ?? {}).sort()).toEqual(["small-alone", "small-app", "small-root"]);
    expect(digests[1]).toEqual(digests[0]);
  });

  it("write the same SBOMs to the byte, and the same provenance but for times and ids", () => {
    for (const name of ["small-alone", "small-app", "small-root"]) {
      const [one, other] = made.map(({ images }) => images[name]?.said ?? []);
      const of = (said: Made["images"][string]["said"] | undefined, types: RegExp) =>
        (said ?? []).filter(([type]) => types.test(type));
      const sboms = /cyclonedx|spdx/;
      expect(of(one, sboms)).toHaveLength(2);
      expect(canonicalJson(of(other, sboms))).toBe(canonicalJson(of(one, sboms)));
      const provenance = /slsa\.dev\/provenance/;
      expect(of(one, provenance)).toHaveLength(1);
      expect(timeless(of(other, provenance))).toEqual(timeless(of(one, provenance)));
    }
  });
});
