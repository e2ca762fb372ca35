import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DebSpec } from "../fakes/make-deb.ts";
import { makeArchiveKey } from "../fakes/make-suite.ts";
import { createSmallFleet, hour, smallPackages, type OpenFleet, type SmallFleet } from "./small-fleet.ts";

let small: SmallFleet;
let open: OpenFleet | undefined;

/** A fleet whose three images are in production. */
async function start(): Promise<OpenFleet> {
  small = await createSmallFleet();
  await small.publish(smallPackages());
  open = await small.open();
  expect(await open.run()).toMatchObject({ built: 3, failed: 0, alarms: [] });
  return open;
}

async function end(): Promise<void> {
  await open?.close();
  open = undefined;
  await small.remove();
}

function opened(): OpenFleet {
  if (open === undefined) throw new Error("the fleet is open within a test only");
  return open;
}

/** What the mirror has to offer. */
let fix = { name: "libsmall1", version: "1.0-1" };
const fixed = (): DebSpec[] => smallPackages({ [fix.name]: fix.version });
const index = /\/Packages|\/by-hash\//;

/** Ways in which a mirror is not to be believed; each with what the alarm says. */
const faults: readonly (readonly [name: string, says: RegExp, cause: () => Promise<void>])[] = [
  [
    "does not answer",
    /503/,
    async () => {
      await small.publish(fixed());
      small.archive.fail(/./, { kind: "status", status: 503 });
    },
  ],
  ["has lost the suite", /no such suite/, async () => small.archive.fail(/InRelease/, { kind: "status", status: 404 })],
  ["serves an index that nobody signed", /sign/i, () => small.publish(fixed(), {}, { keys: [] })],
  [
    "serves an index that somebody else signed",
    /sign|key/i,
    async () => small.publish(fixed(), {}, { keys: [await makeArchiveKey()] }),
  ],
  [
    "serves an index that was changed after it was signed",
    /sign/i,
    () =>
      small.publish(fixed(), {}, { alter: (bytes) => Buffer.from(bytes.toString().replace("Made up", "Made it up")) }),
  ],
  ["serves an index that has expired", /valid until/, () => small.publish(fixed(), { validUntil: Date.now() - hour })],
  [
    "serves an index that is older than the last",
    /already hold/,
    () => small.publish(fixed(), { date: Date.now() - 48 * hour }),
  ],
  [
    "hangs up in the middle of an index",
    /./,
    async () => {
      await small.publish(fixed());
      small.archive.fail(index, { kind: "cut", bytes: 40 });
    },
  ],
  [
    "serves another index than the signed one names",
    /./,
    async () => {
      await small.publish(fixed());
      small.archive.fail(index, { kind: "replace", bytes: Buffer.from("Package: other\n") });
    },
  ],
  // FAULTS 10: in the middle of an update, the indices come last.
  [
    "lags: its InRelease is new, its indices are old",
    /lag|in the middle/,
    () => small.publish(fixed(), {}, { lag: true }),
  ],
];

describe("FAULTS 9, 10, 11: a mirror that is not to be believed", () => {
  beforeAll(async () => void (await start()));
  afterAll(end);

  it.each(faults)(
    "%s: refused, and all stays as it was until it heals",
    { timeout: 180_000 },
    async (_name, says, cause) => {
      const { run, operations, alarms, version, pointer, fleet } = opened();
      const before = await fleet.ctx.store.loadPointers();
      const generation = await fleet.ctx.distro.generation("small/small");
      fix = { name: "libsmall1", version: `1.0-${Number(fix.version.slice(4)) + 1}` };
      await cause();

      const result = await run();
      expect(result).toMatchObject({ built: 0, rebuilt: 0, rebuilds: [] });
      expect(result.alarms).toMatchObject([{ code: "upstream-failing", subject: "small/small" }]);
      const [alarm] = result.alarms;
      expect(`${alarm?.message} ${alarm?.hint}`).toMatch(says);
      expect(alarm?.hint).toMatch(/\w/);
      expect(await fleet.ctx.distro.generation("small/small")).toEqual(generation);
      expect(await fleet.ctx.store.loadPointers()).toEqual(before);
      const status = await operations.status({});
      expect(status.alarms).toHaveLength(1);
      expect(status.upstreams).toMatchObject([{ name: "small/small", state: "failing" }]);
      const doctor = await operations.doctor({});
      expect(doctor.checks.filter(({ name, state }) => name === "alarm" && state === "failed")).toHaveLength(1);

      // Again is the same: one alarm, not two.
      expect((await run()).alarms).toHaveLength(1);

      small.archive.heal();
      await small.publish(fixed());
      expect(await run()).toMatchObject({ rebuilt: 2, failed: 0, alarms: [] });
      expect(await alarms()).toEqual([]);
      expect(await version("small-app", "libsmall1")).toBe(fix.version);
      expect(await pointer("small-alone")).toBe(before.find(({ image }) => image === "small-alone")?.digest);
    },
  );

  it("ends `tidemill run` with 1 while it lasts, and with 0 once it is over", { timeout: 180_000 }, async () => {
    await open?.close();
    open = undefined;
    await small.publish(fixed(), {}, { keys: [] });
    const bad = await small.tidemill(["run"]);
    expect(bad.status, bad.err).toBe(1);
    expect(bad.out).toMatch(/small\/small: .*sign/i);
    const seen = await small.tidemill(["status", "--json"]);
    expect(JSON.parse(seen.out)).toMatchObject({ alarms: [{ code: "upstream-failing" }] });
    const doctor = await small.tidemill(["doctor"]);
    expect(doctor.status).toBe(1);
    expect(doctor.out).toMatch(/small\/small/);
    await small.publish(fixed());
    const good = await small.tidemill(["run"]);
    expect(good.status, good.out + good.err).toBe(0);
  });
});
