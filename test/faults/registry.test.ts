import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { missingSmallDisk, mountSmallDisk } from "../../src/io/registry/testdata/small-disk.ts";
import { createFaultyRegistry, type FaultyRegistry } from "../fakes/faulty-registry.ts";
import { needs } from "../needs.ts";
import { smallFleets, type Started } from "./fixture.ts";
import { minute, smallPackages, until } from "./small-fleet.ts";

const fleets = smallFleets();
const missing = await missingSmallDisk();

let registry: FaultyRegistry;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-registry-"));
  registry = await createFaultyRegistry(folder);
});
afterEach(async () => {
  await registry.close();
  await rm(folder, { recursive: true, force: true });
});

const onRegistry = () => ({ registry: { url: registry.host, insecure: true } });

/** Passes, a quarter of an hour apart, until `image` runs `version` of libsmall1 in production. */
async function passUntil({ run, clock, version }: Started, image: string, wanted: string): Promise<void> {
  await until(
    `${image} has libsmall1 ${wanted}`,
    async () => {
      clock.jump(15 * minute);
      await run();
      return (await version(image, "libsmall1")) === wanted;
    },
    30_000,
  );
}

/** Which requests are refused, with what, at which step. */
const refusals = [
  [401, "while layers are pushed", /^(?:POST|PATCH|PUT) .*\/blobs\//],
  [403, "while layers are pushed", /^(?:POST|PATCH|PUT) .*\/blobs\//],
  [500, "while manifests are pushed", /^PUT .*\/manifests\/sha256/],
  [403, "while manifests are pushed", /^PUT .*\/manifests\/sha256/],
  [403, "while staging is moved", /^PUT .*\/manifests\/staging/],
  [401, "while production is moved", /^PUT .*\/manifests\/production/],
  [403, "while production is moved", /^PUT .*\/manifests\/production/],
  [500, "while production is moved", /^PUT .*\/manifests\/production/],
] as const;

describe("FAULTS 8: a registry that refuses", () => {
  it.each(refusals.filter(([status, , requests]) => status === 403 && !requests.test("PUT /manifests/sha256")))(
    "the first build with %i %s: it is in production once the registry is well",
    { timeout: 180_000 },
    async (_status, _moment, requests) => {
      const started = await fleets.open(await fleets.create(onRegistry()));
      const { run, operations, alarms, pointer, tag } = started;
      registry.fail(requests, 403);
      await run();
      expect(registry.refused.length).toBeGreaterThan(0);
      expect(await pointer("small-root")).toBeUndefined();
      const root = (await operations.status({})).images.find(({ name }) => name === "small-root");
      expect(["rebuilding", "failing"]).toContain(root?.state);
      expect(root?.reason).toMatch(/made to refuse/);
      registry.heal();
      await passUntil(started, "small-app", "1.0-1");
      for (const image of ["small-root", "small-app", "small-alone"]) {
        expect(await pointer(image)).toBeDefined();
        expect(await tag(image)).toBe(await pointer(image));
      }
      expect(await alarms()).toEqual([]);
    },
  );

  it(
    "an update, at any step: it waits, what went wrong is shown, and it goes out once the registry is well",
    { timeout: 120_000 },
    async () => {
      const started = await fleets.start({ ...onRegistry(), policies: { maxRebuildsPerHour: 10_000 } });
      const { run, operations, alarms, pointer, tag } = started;
      for (const [at, [status, moment, requests]] of refusals.entries()) {
        const before = await pointer("small-app");
        const version = `1.0-${at + 2}`;
        await started.small.publish(smallPackages({ libsmall1: version }));
        registry.fail(requests, status);
        await run();
        expect(await pointer("small-app"), moment).toBe(before);
        expect(await tag("small-app"), moment).toBe(before);
        const root = (await operations.status({})).images.find(({ name }) => name === "small-root");
        expect(["rebuilding", "failing"], moment).toContain(root?.state);
        expect(root?.reason, moment).toMatch(/made to refuse|refuses us/);
        registry.heal();
        await passUntil(started, "small-app", version);
        expect(await tag("small-app"), moment).toBe(await pointer("small-app"));
        expect(await alarms(), moment).toEqual([]);
      }
      expect(await started.fleet.ctx.store.loadOpenIntents()).toEqual([]);
    },
  );

  it("when a person promotes: what was begun is finished later, and the rest of the loop does not wait for it", async () => {
    const started = await fleets.start({
      ...onRegistry(),
      environments: [{ name: "staging" }, { name: "production" }],
    });
    const { run, operations, pointer, version, clock, small } = started;
    const old = await pointer("small-alone");
    await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await run();
    const newer = await pointer("small-alone");
    expect(newer).not.toBe(old);
    registry.fail(/^PUT .*small-alone\/manifests\/production/, 500);
    await expect(
      operations.rollback({ image: "small-alone", environment: "production", by: "ada", reason: "drill" }),
    ).rejects.toMatchObject({ code: "SERVER_ERROR" });
    await small.publish(smallPackages({ "small-gauge": "1.0-2", libsmall1: "1.0-2" }));
    await run();
    expect(await version("small-app", "libsmall1")).toBe("1.0-2");
    expect(await pointer("small-alone")).toBe(newer);
    registry.heal();
    clock.jump(15 * minute);
    await run();
    expect(await pointer("small-alone")).toBe(old);
    expect(await started.tag("small-alone")).toBe(old);
  }, 180_000);

  it("when it is asked what it serves: that decides nothing", { timeout: 180_000 }, async () => {
    const { run, fleet, clock, tag } = await fleets.start(onRegistry());
    const before = await fleet.ctx.store.loadPointers();
    registry.fail(/^(?:GET|HEAD) /, 503);
    clock.jump(7 * 60 * minute);
    expect(await run()).toMatchObject({ rolledBack: 0, rebuilds: [] });
    expect(await fleet.ctx.store.loadPointers()).toEqual(before);
    registry.heal();
    expect(await run()).toMatchObject({ rolledBack: 0, alarms: [] });
    expect(await tag("small-app")).toBeDefined();
  });
});

describe("FAULTS 25: the registry's disk is full", () => {
  needs(missing)(
    "the update waits, what is served stays, and it goes on once there is room",
    async () => {
      const disk = await mountSmallDisk(8);
      fleets.onEnd(() => disk.remove());
      const full = await createFaultyRegistry(join(disk.path, "registry"));
      fleets.onEnd(() => full.close());
      const started = await fleets.start({ registry: { url: full.host, insecure: true } });
      const { run, pointer, tag, operations } = started;
      const before = await pointer("small-app");
      const filler = join(disk.path, "filler");
      await fillDisk(filler);
      const packages = smallPackages({ libsmall1: "1.0-2" });
      await started.small.publish(packages);
      await run();
      expect(await pointer("small-app")).toBe(before);
      expect(await tag("small-app")).toBe(before);
      expect(JSON.stringify((await operations.status({})).images)).toMatch(/full|space/i);
      await rm(filler);
      await passUntil(started, "small-app", "1.0-2");
      expect(await tag("small-app")).toBe(await pointer("small-app"));
    },
    60_000,
  );
});

/** Writes until nothing more fits. */
async function fillDisk(path: string): Promise<void> {
  const file = await open(path, "w");
  try {
    for (let bytes = 1 << 20; bytes >= 1;) {
      const isFull = await file.write(Buffer.alloc(bytes)).then(
        () => false,
        () => true,
      );
      if (isFull) bytes >>= 1;
    }
  } finally {
    await file.close();
  }
}
