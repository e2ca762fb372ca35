import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { DebSpec } from "../fakes/make-deb.ts";
import { smallFleets } from "./fixture.ts";
import { hour, minute, smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();
const day = 24 * hour;

describe("FAULTS 15: an ordinary new version", () => {
  it("waits out its cool-down on our first-seen clock, whatever age its files claim", { timeout: 60_000 }, async () => {
    const { small, run, version, clock, operations } = await fleets.start({ policies: { coolDown: "3d" } });
    const old = (packages: readonly DebSpec[]): DebSpec[] =>
      packages.map((one) => (one.name === "small-gauge" ? { ...one, mtime: 946_684_800 } : one));
    await small.publish(old(smallPackages({ "small-gauge": "1.0-2" })));
    clock.jump(hour);
    await run();
    const [held] = (await operations.plan({})).held;
    expect(held).toMatchObject({ image: "small-alone", kind: "cool-down" });
    const until = Date.parse(held?.until ?? "");
    expect(Math.abs(until - clock.now() - 3 * day)).toBeLessThan(5 * minute);
    clock.jump(3 * day - 10 * minute);
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
    clock.jump(11 * minute);
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
  });
});

describe("FAULTS 16: a version that one feed vouches for", () => {
  it("waits out its cool-down all the same; known to be exploited it goes at once", { timeout: 60_000 }, async () => {
    const small = await fleets.create();
    const [osv, kev] = [join(small.folder, "osv"), join(small.folder, "kev.json")];
    await mkdir(osv);
    const exploited = (...ids: readonly string[]) => {
      const vulnerabilities = ids.map((cveID) => ({ cveID, dateAdded: "2026-01-02", dueDate: "2026-01-23" }));
      const dateReleased = new Date().toISOString();
      return writeFile(kev, JSON.stringify({ catalogVersion: "1", dateReleased, count: ids.length, vulnerabilities }));
    };
    const tell = (id: string, source: string) => {
      const at = new Date(Date.now() - hour).toISOString();
      const ranges = [{ type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed: "1.0-2" }] }];
      const affected = [{ package: { ecosystem: "Debian:12", name: source }, ranges }];
      const record = { schema_version: "1.7.0", id, published: at, modified: at, affected };
      return writeFile(join(osv, `${id}.json`), JSON.stringify(record));
    };
    await tell("CVE-2099-9999", "something-else");
    await exploited("CVE-2099-8888");
    const feeds = [
      { kind: "osv", from: osv },
      { kind: "kev", from: kev },
    ];
    await small.configure({
      feeds,
      policies: { coolDown: "3d" },
      images: { "small-alone": { packages: ["small-base", "small-gauge"], entrypoint: ["/usr/bin/small-gauge"] } },
    });
    const release = { path: "usr/lib/os-release", content: 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=small\n' };
    const debian = (packages: readonly DebSpec[]): DebSpec[] =>
      packages.map((one) => (one.name === "small-base" ? { ...one, entries: [...(one.entries ?? []), release] } : one));
    await small.publish(debian(smallPackages()));
    const { run, version, operations, clock } = await fleets.open(small);
    await run();
    clock.jump(hour);
    await small.publish(debian(smallPackages({ "small-gauge": "1.0-2" })));
    await tell("CVE-2099-0007", "small-gauge");
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
    expect((await operations.plan({})).held).toMatchObject([{ image: "small-alone", kind: "cool-down" }]);
    await exploited("CVE-2099-8888", "CVE-2099-0007");
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
  });
});
