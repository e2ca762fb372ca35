import { afterEach, beforeEach, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import type { Exposure } from "../../io/store/index.ts";
import { tendExposures } from "./index.ts";
import { createSmallFleet, type SmallFleet } from "./testdata/fleet.ts";

const hour = 3_600_000;
const day = 24 * hour;

describeStores("tendExposures", ({ it, store, clock }) => {
  let fleet: SmallFleet;
  beforeEach(async () => {
    fleet = await createSmallFleet(store(), clock);
    await fleet.declare("web");
    await fleet.publish("CVE-2026-1", "3.0-2");
  });
  afterEach(() => fleet.remove());

  const exposures = (limit = 100): Promise<Exposure[]> => store().loadExposures({ limit });
  const step = (hours: number): number => {
    clock.advance(hours * hour);
    return clock.now();
  };

  it("writes every milestone down with its source, and closes with the digest that cures", async () => {
    const published = clock.now();
    await fleet.promote("web", await fleet.build("web", "3.0-1"));
    const detected = step(1);
    expect(await fleet.pass()).toBe(1);
    expect(await exposures()).toMatchObject([
      { advisory: "CVE-2026-1", life: 1, published, fixAvailable: detected, detected, closed: null, endKind: null },
    ]);

    const builtAt = step(1);
    const cured = await fleet.build("web", "3.0-2");
    await fleet.pass();
    expect(await exposures()).toMatchObject([{ built: builtAt, verified: null, digest: cured.digest, closed: null }]);
    const verifiedAt = step(1);
    await fleet.verify(cured, "production");
    await fleet.pass();
    expect(await exposures()).toMatchObject([{ built: builtAt, verified: verifiedAt, promoted: null }]);

    const promotedAt = step(1);
    await fleet.promote("web", cured);
    await fleet.pass();
    const [row] = await exposures();
    expect(row).toMatchObject({
      built: builtAt,
      verified: verifiedAt,
      promoted: promotedAt,
      deployed: null,
      closed: promotedAt,
      endKind: "promoted",
    });
    expect(row?.sources).toMatchObject({
      published: "CVE-2026-1",
      "fix-available": "first seen in the feeds",
      detected: "match",
      built: `rebuild ${cured.lease.rebuild.id}`,
      verified: "verification",
      closed: expect.stringMatching(/^promotion [0-9a-f-]{36}$/),
    });
    // Nothing new is known: nothing is written.
    expect(await fleet.pass()).toBe(0);
  });

  it("counts a rollback as a second life, and the way forward ends that one", async () => {
    const old = await fleet.build("web", "3.0-1");
    await fleet.promote("web", old);
    step(1);
    await fleet.pass();
    step(1);
    const cured = await fleet.build("web", "3.0-2");
    await fleet.promote("web", cured);
    step(1);
    await fleet.pass();
    const back = step(1);
    await fleet.rollBack("web", old.digest);
    await fleet.pass();
    expect(await exposures()).toMatchObject([
      { life: 2, detected: back, closed: null },
      { life: 1, endKind: "promoted" },
    ]);
    const forward = step(1);
    await fleet.promote("web", await fleet.build("web", "3.0-3"));
    await fleet.pass();
    expect(await exposures()).toMatchObject([{ life: 1 }, { life: 2, closed: forward }]);
  });

  it("is not closed by a digest that nobody could read, and not by one that nobody compared yet", async () => {
    await fleet.promote("web", await fleet.build("web", "3.0-1"));
    await fleet.pass();
    step(1);
    await fleet.promote("web", await fleet.build("web", "3.0-2", { isReadable: false }));
    await fleet.pass();
    expect(await exposures()).toMatchObject([{ closed: null }]);
    const at = step(1);
    await fleet.promote("web", await fleet.build("web", "3.0-2"));
    await tendExposures(fleet.ctx);
    expect(await exposures()).toMatchObject([{ closed: null }]);
    step(1);
    // Its inventory comes to be known without anything else that changes.
    await fleet.pass();
    expect(await exposures()).toMatchObject([{ closed: at, endKind: "promoted" }]);
  });

  it("is ended by a withdrawal, and lives again with the advisory", async () => {
    await fleet.promote("web", await fleet.build("web", "3.0-1"));
    await fleet.pass();
    const gone = step(1);
    await fleet.publish("CVE-2026-1", "3.0-2", { withdrawn: new Date(gone).toISOString() });
    await fleet.pass();
    expect(await exposures()).toMatchObject([{ closed: gone, endKind: "withdrawn" }]);
    const again = step(1);
    await fleet.publish("CVE-2026-1", "3.0-2");
    await fleet.pass();
    expect(await exposures()).toMatchObject([
      { life: 2, detected: again, closed: null },
      { life: 1, endKind: "withdrawn" },
    ]);
  });

  it("is retired with its image, and open again when that is declared again", async () => {
    await fleet.promote("web", await fleet.build("web", "3.0-1"));
    await fleet.pass();
    const at = step(1);
    await fleet.declare("other");
    await fleet.pass();
    expect(await exposures()).toMatchObject([{ image: "web", closed: at, endKind: "retired" }]);
    await fleet.declare("web");
    await fleet.pass();
    expect(await exposures()).toMatchObject([{ closed: null }]);
  });

  it("waits for the running systems where there are some", async () => {
    const other = await createSmallFleet(store(), clock, {
      deployments: { shop: { environment: "production", images: ["web"], command: { run: ["true"] } } },
    });
    await other.publish("CVE-2026-1", "3.0-2");
    const old = await other.build("web", "3.0-1");
    await other.promote("web", old);
    await other.deploy("shop", "web", old.digest);
    await other.pass();
    step(1);
    const cured = await other.build("web", "3.0-2");
    await other.promote("web", cured);
    const promoted = clock.now();
    await other.pass();
    expect(await exposures()).toMatchObject([{ promoted, deployed: null, closed: null }]);
    const deployed = step(2);
    await other.deploy("shop", "web", cured.digest);
    await other.pass();
    expect(await exposures()).toMatchObject([{ promoted, deployed, closed: deployed, endKind: "deployed" }]);
    // Nothing of it changes when the next update is on its way.
    step(1);
    await other.promote("web", await other.build("web", "3.0-3"));
    await other.pass();
    expect(await exposures()).toMatchObject([{ closed: deployed, endKind: "deployed" }]);
    await other.remove();
  });

  for (const jump of [day, -day])
    it(`closes what was detected while the clock was ${jump / hour} hours wrong`, async () => {
      await fleet.promote("web", await fleet.build("web", "3.0-1"));
      clock.advance(jump);
      await fleet.pass();
      clock.advance(-jump);
      step(1);
      await fleet.promote("web", await fleet.build("web", "3.0-2"));
      await fleet.pass();
      const [row, ...more] = await exposures();
      expect(more).toEqual([]);
      expect(row).toMatchObject({ endKind: "promoted" });
      const length = (row?.closed ?? 0) - (row?.detected ?? 0);
      // Where it was ahead nobody knows how long it was: that is what windows call skewed.
      expect(length).toBe(jump > 0 ? -23 * hour : hour);
    });

  it("tells it by any of its ids, and of one image, environment and time", async () => {
    await fleet.publish("DSA-1", "3.0-2", { aliases: ["CVE-2026-9"] });
    await fleet.promote("web", await fleet.build("web", "3.0-1"));
    await fleet.pass();
    const named = await store().loadExposures({ advisory: "CVE-2026-9", limit: 10 });
    expect(named).toHaveLength(1);
    expect(await store().loadExposures({ image: "other", limit: 10 })).toEqual([]);
    expect(await store().loadExposures({ environment: "staging", limit: 10 })).toEqual([]);
    await fleet.promote("web", await fleet.build("web", "3.0-2"));
    await fleet.pass();
    expect(await store().loadExposures({ endedSince: clock.now() + 1, limit: 10 })).toEqual([]);
    expect(await store().loadExposures({ endedSince: clock.now(), limit: 10 })).toHaveLength(2);
  });

  it("survives hostile ids and names as they are", async () => {
    const id = `CVE-2026-2'; drop table exposure; --<script>\u001b[31m`;
    await fleet.publish(id, "3.0-2", {});
    await fleet.promote("web", await fleet.build("web", "3.0-1"));
    await fleet.pass();
    const all = await exposures();
    expect(all.length).toBeGreaterThan(0);
  });

  it("knows at the first pass what was there before it kept exposures", async () => {
    await fleet.promote("web", await fleet.build("web", "3.0-1"));
    await fleet.pass();
    const connection = await store().engine.acquire();
    await connection.script("truncate exposure, exposure_due; insert into exposure_due (image) select name from image");
    await store().engine.release(connection);
    expect(await tendExposures(fleet.ctx)).toBe(1);
    expect(await exposures()).toMatchObject([{ advisory: "CVE-2026-1", closed: null }]);
  });
});
