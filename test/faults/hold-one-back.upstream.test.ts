import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { CandidateOrigin } from "../../src/loop/context.ts";
import type { DebSpec } from "../fakes/make-deb.ts";
import { smallFleets, type Started } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { createOwner, lookUntilSeen, smallRelease, type Owner } from "./owner.ts";
import { hour, smallPackages, withBroken, type Change } from "./small-fleet.ts";

const fleets = smallFleets();
const names = Array.from({ length: 12 }, (_, at) => `part${String(at).padStart(2, "0")}`);

/** Twelve packages of somebody else's image and what tells its release, at 1.0-1 where no other version is named. */
function parts(versions: Readonly<Record<string, string>> = {}): DebSpec[] {
  return names.map((name) => ({
    name,
    version: versions[name] ?? "1.0-1",
    entries: [{ path: `usr/bin/${name}`, content: `#!/usr/bin/part00\n${versions[name] ?? "1.0-1"}\n`, mode: 0o755 }],
  }));
}

function theirs(versions: Readonly<Record<string, string>> = {}): DebSpec[] {
  return [smallRelease, ...parts(versions)];
}

function all(version: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, version]));
}

async function start(more: (owner: Owner) => Change = () => ({})): Promise<Started & { readonly owner: Owner }> {
  const owner = await createOwner();
  fleets.onEnd(() => owner.close());
  await owner.publish(theirs(), "1", { edition: "good" });
  const change = more(owner);
  const small = await fleets.create({
    bases: { [owner.name]: { insecure: true, settle: "0s", coolDown: "0s" } },
    ...change,
    images: {
      third: { recipe: "upstream", upstream: undefined, from: `${owner.name}:1`, patch: "all" },
      ...change.images,
    },
  });
  await small.publish([...smallPackages(), ...theirs()]);
  const started = await fleets.open(small);
  return { ...started, owner };
}

/** Has the owner's newest image looked at. */
function seen(started: Awaited<ReturnType<typeof start>>): Promise<void> {
  return lookUntilSeen(started, started.owner);
}

async function versionsOf({ version }: Started): Promise<(string | undefined)[]> {
  return Promise.all(names.map((name) => version("third", name)));
}

async function originOf({ fleet, pointer }: Started): Promise<CandidateOrigin | undefined> {
  const digest = await pointer("third");
  const row = digest === undefined ? undefined : await fleet.ctx.store.loadImageDigest("third", digest);
  return row?.detail["origin"] as CandidateOrigin | undefined;
}

function trialsOf({ events }: Started): number {
  return events.filter(({ image, message }) => image === "third" && message.startsWith("trying it with")).length;
}

describe("FAULTS 18: an update that breaks somebody else's image", () => {
  it("is found among its patches and held back alone: the others go out at once", { timeout: 120_000 }, async () => {
    const fleet = await start();
    const { small, run, operations } = fleet;
    expect(await run()).toMatchObject({ built: 4, failed: 0, alarms: [] });
    expect(await originOf(fleet)).toMatchObject({ remedy: "mirror" });
    await small.publish([...smallPackages(), smallRelease, ...withBroken(parts(all("1.0-2")), "part07")]);
    await run();
    expect(await versionsOf(fleet)).toEqual(names.map((name) => (name === "part07" ? "1.0-1" : "1.0-2")));
    expect(trialsOf(fleet)).toBeLessThanOrEqual(7);
    expect((await operations.plan({})).held).toMatchObject([
      { image: "third", kind: "quarantine", reason: expect.stringContaining("part07 1.0-2") as unknown },
    ]);
    await expectInvariants(fleet);

    // Nothing more is tried as long as nothing changes.
    const before = await fleet.fleet.ctx.store.loadRebuilds({ limit: 1000 });
    fleet.clock.jump(24 * hour);
    await run();
    expect(await fleet.fleet.ctx.store.loadRebuilds({ limit: 1000 })).toHaveLength(before.length);

    await small.publish([...smallPackages(), ...theirs({ ...all("1.0-2"), part07: "1.0-3" })]);
    expect(await run()).toMatchObject({ failed: 0 });
    expect(await fleet.version("third", "part07")).toBe("1.0-3");
    expect((await operations.plan({})).held).toEqual([]);
  });

  it("is kept where it is although no suite offers that any more", { timeout: 120_000 }, async () => {
    const fleet = await start();
    const { small, run } = fleet;
    await run();
    await small.publish([...smallPackages(), ...theirs({ part07: "1.0-2", part08: "1.0-2" })]);
    await run();
    await small.publish([
      ...smallPackages(),
      smallRelease,
      ...withBroken(parts({ part07: "1.0-3", part08: "1.0-3" }), "part07"),
    ]);
    await run();
    // 1.0-1 is what the owner has: the patch does not go back to it.
    expect([await fleet.version("third", "part07"), await fleet.version("third", "part08")]).toEqual([
      "1.0-2",
      "1.0-3",
    ]);
    await small.publish([
      ...smallPackages(),
      smallRelease,
      ...withBroken(parts({ part07: "1.0-3", part08: "1.0-4" }), "part07"),
    ]);
    expect(await run()).toMatchObject({ failed: 0 });
    expect([await fleet.version("third", "part07"), await fleet.version("third", "part08")]).toEqual([
      "1.0-2",
      "1.0-4",
    ]);
  });

  it(
    "is the owner's own: their old image stays, with the patches that came meanwhile",
    { timeout: 120_000 },
    async () => {
      const fleet = await start((owner) => ({
        images: {
          third: {
            recipe: "upstream",
            upstream: undefined,
            from: `${owner.name}:1`,
            patch: "all",
            checks: [{ name: "edition", structure: { labels: { edition: "good" } } }],
          },
        },
      }));
      const { small, run, owner, operations } = fleet;
      await run();
      const before = await originOf(fleet);
      const bad = await owner.publish(theirs(), "1", { edition: "bad" });
      await small.publish([...smallPackages(), ...theirs({ part03: "1.0-2", part09: "1.0-2" })]);
      await seen(fleet);
      await run();
      expect(await originOf(fleet)).toMatchObject({ remedy: "patch", bases: before?.bases });
      expect([await fleet.version("third", "part03"), await fleet.version("third", "part09")]).toEqual([
        "1.0-2",
        "1.0-2",
      ]);
      const { held } = await operations.plan({});
      expect(held).toMatchObject([
        { image: "third", kind: "quarantine", reason: expect.stringContaining(bad) as unknown },
      ]);
      expect(JSON.stringify(held[0]?.causes)).toContain(bad);

      // Another image of theirs is another chance; it brings what is patched here.
      const good = await owner.publish(theirs({ part03: "1.0-2", part09: "1.0-2" }), "1", { edition: "good" });
      await seen(fleet);
      expect(await run()).toMatchObject({ failed: 0 });
      expect(await originOf(fleet)).toMatchObject({ remedy: "mirror" });
      expect(await fleet.pointer("third")).toBe(good);
      expect((await operations.plan({})).held).toEqual([]);
      await expectInvariants(fleet);
    },
  );

  it(
    "comes by their image and by the suites: it is kept out by both ways, and the rest goes",
    { timeout: 120_000 },
    async () => {
      const fleet = await start();
      const { small, run, owner } = fleet;
      await run();
      const newer = withBroken(parts({ part02: "1.0-2", part05: "1.0-2", part10: "1.0-2" }), "part05");
      await owner.publish([smallRelease, ...newer]);
      await small.publish([...smallPackages(), smallRelease, ...newer]);
      await seen(fleet);
      await run();
      expect(await versionsOf(fleet)).toEqual(
        names.map((name) => (name === "part02" || name === "part10" ? "1.0-2" : "1.0-1")),
      );
      expect(await originOf(fleet)).toMatchObject({ remedy: "patch" });
      await expectInvariants(fleet);
    },
  );

  it("of an image that is mirrored as it is keeps the one before", { timeout: 120_000 }, async () => {
    const fleet = await start((owner) => ({
      images: { third: { recipe: "upstream", upstream: undefined, from: `${owner.name}:1`, patch: "none" } },
    }));
    const { run, owner, operations } = fleet;
    await run();
    const first = await fleet.pointer("third");
    const bad = await owner.publish([smallRelease, ...withBroken(parts({ part05: "1.0-2" }), "part05")]);
    await seen(fleet);
    await run();
    expect(await fleet.pointer("third")).toBe(first);
    expect((await operations.plan({})).held).toMatchObject([
      { image: "third", kind: "quarantine", reason: expect.stringContaining(bad) as unknown },
    ]);
    const rebuilds = await fleet.fleet.ctx.store.loadRebuilds({ image: "third", limit: 100 });
    await run();
    expect(await fleet.fleet.ctx.store.loadRebuilds({ image: "third", limit: 100 })).toHaveLength(rebuilds.length);
    const good = await owner.publish(theirs({ part05: "1.0-3" }));
    await seen(fleet);
    await run();
    expect(await fleet.pointer("third")).toBe(good);
  });

  it("of the very first patch goes out as its owner has it, with the other patches", { timeout: 120_000 }, async () => {
    const wanted = {
      schemaVersion: "2.0.0",
      fileContentTests: [{ name: "one", path: "/usr/bin/part06", excludedContents: ["1\\.0-2"] }],
    };
    const fleet = await start((owner) => ({
      images: {
        third: {
          recipe: "upstream",
          upstream: undefined,
          from: `${owner.name}:1`,
          patch: "all",
          checks: [{ name: "wanted", structureTests: ["wanted.yaml"] }],
        },
      },
    }));
    const { small, run } = fleet;
    await writeFile(`${small.folder}/wanted.yaml`, JSON.stringify(wanted));
    await small.publish([...smallPackages(), ...theirs({ part04: "1.0-2", part06: "1.0-2" })]);
    await run();
    expect([await fleet.version("third", "part04"), await fleet.version("third", "part06")]).toEqual([
      "1.0-2",
      "1.0-1",
    ]);
  });
});

describe("a person's rollback of somebody else's image", () => {
  it("leaves their digest out until they publish another, while patches go on", { timeout: 120_000 }, async () => {
    const fleet = await start();
    const { small, run, owner, operations } = fleet;
    await run();
    const first = await originOf(fleet);
    await owner.publish(theirs({ part01: "1.1-1" }), "1", { edition: "second" });
    await seen(fleet);
    await run();
    expect(await fleet.version("third", "part01")).toBe("1.1-1");
    expect(
      await operations.rollback({ image: "third", environment: "production", by: "eve", reason: "slow" }),
    ).toMatchObject({
      kind: "rolled-back",
    });
    await small.publish([...smallPackages(), ...theirs({ part11: "1.0-2" })]);
    await run();
    expect(await originOf(fleet)).toMatchObject({ bases: first?.bases });
    expect([await fleet.version("third", "part01"), await fleet.version("third", "part11")]).toEqual([
      "1.0-1",
      "1.0-2",
    ]);
    await owner.publish(theirs({ part01: "1.1-2" }));
    await seen(fleet);
    await run();
    expect(await fleet.version("third", "part01")).toBe("1.1-2");
    await expectInvariants(fleet);
  });
});
