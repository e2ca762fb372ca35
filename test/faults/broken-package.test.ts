import { afterEach, describe, expect, it } from "vitest";
import {
  createSmallFleet,
  hour,
  minute,
  smallPackages,
  until,
  withBroken,
  type OpenFleet,
  type SmallFleet,
} from "./small-fleet.ts";

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

afterEach(async () => {
  await open?.close();
  open = undefined;
  await small.remove();
});

describe("FAULTS 12: a package whose bytes are not those that the index names", () => {
  it(
    "is in no image; the others go on, and it is tried again once the mirror is well",
    { timeout: 180_000 },
    async () => {
      const { run, version, alarms, clock, operations } = await start();
      await small.publish(smallPackages({ libsmall1: "1.0-2", "small-gauge": "1.0-2" }));
      small.archive.fail(/libsmall1_.*deb$/, { kind: "replace", bytes: Buffer.from("not what was signed") });
      const result = await run();
      expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
      expect(await version("small-app", "libsmall1")).toBe("1.0-1");
      const root = result.rebuilds.find(({ image }) => image === "small-root");
      expect(root?.failure).toMatchObject({
        code: "HASH_MISMATCH",
        message: expect.stringContaining("libsmall1") as string,
      });
      expect((await operations.status({})).images.find(({ name }) => name === "small-root")).toMatchObject({
        state: "failing",
      });
      // What goes on failing is an alarm, so that a pass from cron does not end well while it lasts.
      for (let pass = 0; pass < 2; pass += 1) {
        clock.jump(20 * minute);
        await run();
      }
      expect((await run()).alarms).toMatchObject([{ code: "rebuild-failing", subject: "small-root" }]);

      small.archive.heal();
      await until(
        "the fix is in production",
        async () => {
          clock.jump(20 * minute);
          await run();
          return (await version("small-app", "libsmall1")) === "1.0-2";
        },
        30_000,
      );
      expect(await alarms()).toEqual([]);
    },
  );
});

describe("packages that cannot be installed together", () => {
  it(
    "fail the image that wants them, with the chain of who needs what; the others go on",
    { timeout: 180_000 },
    async () => {
      const { run, version, operations, clock } = await start();
      const missing = smallPackages({ "small-tool": "1.0-2", "small-gauge": "1.0-2" }).map((one) =>
        one.name === "small-tool"
          ? { ...one, fields: { Depends: "libsmall1 (>= 1.0), small-plugin", Breaks: "nothing" } }
          : one,
      );
      const plugin = { name: "small-plugin", version: "1.0-1", fields: { Depends: "libgone1 (>= 7)" } };
      await small.publish([...missing, plugin]);
      const result = await run();
      expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
      expect(await version("small-app", "small-tool")).toBe("1.0-1");
      const failed = result.rebuilds.find(({ image }) => image === "small-app");
      expect(failed).toMatchObject({ state: "failed", failure: { code: "UNSATISFIABLE" } });
      expect(failed?.failure?.message).toMatch(/small-tool.*small-plugin.*libgone1 \(>= 7\)/s);
      expect(result.failed).toBe(1);
      const app = (await operations.status({})).images.find(({ name }) => name === "small-app");
      expect(JSON.stringify(app)).toContain("libgone1");

      const asked = await operations.rebuild({ image: "small-app", by: "ada", reason: "again" });
      expect(asked).toMatchObject({ kind: "queued" });
      const again = await run();
      expect(again.rebuilds.find(({ image }) => image === "small-app")).toMatchObject({
        failure: { code: "UNSATISFIABLE" },
      });

      await small.publish([...missing, plugin, { name: "libgone1", version: "7-1" }]);
      clock.jump(5 * minute);
      expect(await run()).toMatchObject({ failed: 0 });
      expect(await version("small-app", "small-tool")).toBe("1.0-2");
    },
  );
});

describe("an update that breaks a parent", () => {
  it(
    "is not promoted, nor are its children with it; the others are, and a mended one goes out",
    { timeout: 180_000 },
    async () => {
      const { run, version, pointer, clock, operations } = await start();
      const before = [await pointer("small-root"), await pointer("small-app")];
      await small.publish(withBroken(smallPackages({ libsmall1: "1.0-2", "small-gauge": "1.0-2" }), "libsmall1"));
      const result = await run();
      expect(result.rebuilds.find(({ image }) => image === "small-root")).toMatchObject({ state: "failed" });
      expect([await pointer("small-root"), await pointer("small-app")]).toEqual(before);
      expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
      const child = result.rebuilds.find(({ image }) => image === "small-app");
      expect(child?.failure?.message).toMatch(/parent small-root failed/);

      // It is held back: nothing starts for it again, whatever the time.
      const count = async () => (await open?.fleet.ctx.store.loadRebuilds({ limit: 1000 }))?.length ?? 0;
      const soon = await count();
      for (let pass = 0; pass < 5; pass += 1) await run();
      expect(await count()).toBe(soon);
      expect((await operations.plan({})).held.map(({ kind }) => kind)).toContain("quarantine");
      for (let pass = 0; pass < 12; pass += 1) {
        clock.jump(2 * hour);
        await run();
      }
      expect(await count()).toBe(soon);

      await small.publish(smallPackages({ libsmall1: "1.0-3", "small-gauge": "1.0-2" }));
      await run();
      expect([await version("small-root", "libsmall1"), await version("small-app", "libsmall1")]).toEqual([
        "1.0-3",
        "1.0-3",
      ]);
    },
  );
});
