import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { DebSpec } from "../fakes/make-deb.ts";
import { smallFleets, type Started } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { hour, smallPackages, withBroken } from "./small-fleet.ts";

const fleets = smallFleets();
const names = Array.from({ length: 40 }, (_, at) => `part${String(at).padStart(2, "0")}`);

/** Forty packages of one image, at 1.0-1 where no other version is named. */
function parts(versions: Readonly<Record<string, string>> = {}): DebSpec[] {
  return names.map((name) => ({
    name,
    version: versions[name] ?? "1.0-1",
    entries: [
      { path: `usr/share/${name}/data`, content: `${name} ${versions[name] ?? "1.0-1"}\n` },
      { path: `usr/bin/${name}`, content: `#!/usr/bin/small-gauge\n${versions[name] ?? "1.0-1"}\n`, mode: 0o755 },
    ],
  }));
}

function everyPart(version: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, version]));
}

const whole = { images: { "small-whole": { packages: ["small-gauge", ...names] } } };

async function start(): Promise<Started> {
  const small = await fleets.create(whole);
  await small.publish([...smallPackages(), ...parts()]);
  const started = await fleets.open(small);
  expect(await started.run()).toMatchObject({ built: 4, failed: 0, alarms: [] });
  return started;
}

async function versionsOf({ version }: Started, image: string): Promise<Map<string, string | undefined>> {
  return new Map(await Promise.all(names.map(async (name) => [name, await version(image, name)] as const)));
}

function trialsOf({ events }: Started, image: string): number {
  return events.filter((event) => event.image === image && event.message.startsWith("trying it with")).length;
}

describe("FAULTS 18: an update that breaks the tests", () => {
  it(
    "is found among forty in eight trials and held back alone: the others go out at once",
    { timeout: 120_000 },
    async () => {
      const fleet = await start();
      const { small, run, operations, events } = fleet;
      await small.publish([...smallPackages(), ...withBroken(parts(everyPart("1.0-2")), "part23")]);
      const result = await run();
      const versions = await versionsOf(fleet, "small-whole");
      expect([...versions].filter(([, version]) => version === "1.0-2")).toHaveLength(39);
      expect(versions.get("part23")).toBe("1.0-1");
      expect(trialsOf(fleet, "small-whole")).toBeLessThanOrEqual(8);
      const ends = result.rebuilds
        .filter(({ image }) => image === "small-whole")
        .map(({ state, failure }) => [state, failure?.code]);
      expect(ends).toEqual(
        expect.arrayContaining([
          ["failed", "held-back"],
          ["promoted", undefined],
        ]),
      );
      expect(events.find(({ kind, image }) => kind === "held" && image === "small-whole")?.message).toMatch(
        /^part23 1\.0-2 is held back: .*usr\/bin\/part23/,
      );
      const plan = await operations.plan({});
      expect(plan.held).toMatchObject([
        { image: "small-whole", kind: "quarantine", reason: expect.stringContaining("part23 1.0-2") },
      ]);
      const told = (await operations.status({})).images.find(({ name }) => name === "small-whole");
      expect(told).toMatchObject({ state: "held", reason: expect.stringContaining("part23 1.0-2 is held back") });
      await expectInvariants(fleet);

      // Nothing more is tried as long as nothing changes.
      const before = await fleet.fleet.ctx.store.loadRebuilds({ limit: 1000 });
      fleet.clock.jump(24 * hour);
      await run();
      expect(await fleet.fleet.ctx.store.loadRebuilds({ limit: 1000 })).toHaveLength(before.length);
    },
  );

  it(
    "stays out while others come, also where no suite offers the old version any more, and is over with a newer one",
    { timeout: 120_000 },
    async () => {
      const fleet = await start();
      const { small, run, version } = fleet;
      await small.publish([...smallPackages(), ...withBroken(parts({ part07: "1.0-2", part30: "1.0-2" }), "part07")]);
      await run();
      expect([await version("small-whole", "part07"), await version("small-whole", "part30")]).toEqual([
        "1.0-1",
        "1.0-2",
      ]);

      await small.publish([
        ...smallPackages({ "small-gauge": "1.0-2" }),
        ...withBroken(parts({ part07: "1.0-2", part30: "1.0-3" }), "part07"),
      ]);
      expect(await run()).toMatchObject({ failed: 0 });
      expect(await version("small-whole", "small-gauge")).toBe("1.0-2");
      expect([await version("small-whole", "part07"), await version("small-whole", "part30")]).toEqual([
        "1.0-1",
        "1.0-3",
      ]);

      await small.publish([
        ...smallPackages({ "small-gauge": "1.0-2" }),
        ...parts({ part07: "1.0-3", part30: "1.0-3" }),
      ]);
      expect(await run()).toMatchObject({ failed: 0, alarms: [] });
      expect(await version("small-whole", "part07")).toBe("1.0-3");
      expect((await fleet.operations.plan({})).held).toEqual([]);
    },
  );

  it("is not one of two that break it only together: one of them goes", { timeout: 120_000 }, async () => {
    const fleet = await start();
    const { small, run, version } = fleet;
    // The newer part12 has its program elsewhere, and the newer part05 leads there no more.
    const moved = parts({ part05: "1.0-2", part12: "1.0-2", part20: "1.0-2" }).map((one) =>
      one.name === "part05"
        ? { ...one, entries: [{ path: "usr/bin/part05", kind: "symlink" as const, link: "../share/part12/data" }] }
        : one.name === "part12"
          ? { ...one, entries: [{ path: "usr/bin/part12", content: "#!/usr/bin/small-gauge\n", mode: 0o755 }] }
          : one,
    );
    await small.publish([...smallPackages(), ...moved]);
    await run();
    const versions = [
      await version("small-whole", "part05"),
      await version("small-whole", "part12"),
      await version("small-whole", "part20"),
    ];
    expect(versions).toEqual(["1.0-2", "1.0-1", "1.0-2"]);
  });

  it("of a parent stays out of its children as well, and their own updates go", { timeout: 120_000 }, async () => {
    const fleet = await fleets.start();
    const { small, run, version } = fleet;
    await small.publish(withBroken(smallPackages({ libsmall1: "1.0-2", "small-tool": "1.0-2" }), "libsmall1"));
    await run();
    expect(await version("small-root", "libsmall1")).toBe("1.0-1");
    expect([await version("small-app", "libsmall1"), await version("small-app", "small-tool")]).toEqual([
      "1.0-1",
      "1.0-2",
    ]);
    expect(trialsOf(fleet, "small-app")).toBe(0);
    // However many fail for it, the others are planned once.
    expect(fleet.events.filter(({ kind }) => kind === "planned")).toHaveLength(3);
  });

  it("is tried again when the recipe changes", { timeout: 120_000 }, async () => {
    const fleet = await fleets.start();
    const { small, run, version } = fleet;
    await small.publish(withBroken(smallPackages({ "small-gauge": "1.0-2" }), "small-gauge"));
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
    await fleet.close();
    const files = [{ from: "gone", to: "/usr/libexec/gone", mode: "0755" }];
    await writeFile(`${small.folder}/gone`, "#!/usr/bin/small-gauge\n");
    await small.configure({
      images: { "small-alone": { packages: ["small-gauge"], entrypoint: ["/usr/bin/small-gauge"], files } },
    });
    const again = await fleets.open(small);
    expect(await again.run()).toMatchObject({ failed: 0 });
    expect(await again.version("small-alone", "small-gauge")).toBe("1.0-2");
  });

  it("is looked for once, whatever is killed meanwhile", { timeout: 240_000 }, async () => {
    const small = await fleets.create(whole);
    await small.publish([...smallPackages(), ...parts()]);
    expect((await small.tidemill(["run"])).status).toBe(0);
    await small.publish([...smallPackages(), ...withBroken(parts(everyPart("1.0-2")), "part31")]);
    let killed = 0;
    for (let round = 0; round < 12; round += 1) {
      const ended = await small.tidemill(["run"], { killAfterMs: 900 + Math.random() * 1500 });
      if (ended.status !== null) break;
      killed += 1;
    }
    expect(killed).toBeGreaterThan(0);
    const fleet = await fleets.open(small);
    await fleet.run();
    const versions = await versionsOf(fleet, "small-whole");
    expect([...versions].filter(([, version]) => version === "1.0-2")).toHaveLength(39);
    expect(versions.get("part31")).toBe("1.0-1");
    const rebuilds = await fleet.fleet.ctx.store.loadRebuilds({ image: "small-whole", limit: 100 });
    const searched = rebuilds.filter(({ detail }) => Array.isArray(detail["trials"]));
    expect(searched).toHaveLength(1);
    expect(searched.flatMap(({ detail }) => detail["trials"] as unknown[]).length).toBeLessThanOrEqual(8);
    await expectInvariants(fleet);
  });
});
