import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Plan } from "../../src/operation/index.ts";
import type { DebSpec } from "../fakes/make-deb.ts";
import {
  createSmallFleet,
  hour,
  smallPackages,
  type Change,
  type OpenFleet,
  type SmallFleet,
} from "../faults/small-fleet.ts";

const critical = [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }];
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A fleet that says it is Debian 12, with a folder of OSV records beside it, in production at version 1.0-1 of everything. */
interface Watched extends OpenFleet {
  readonly small: SmallFleet;
  /** Puts a record into the feed's folder; the next pass finds it. */
  readonly tell: (record: OsvRecord) => Promise<void>;
  readonly publish: (versions: Readonly<Record<string, string>>) => Promise<void>;
  readonly plan: () => Promise<Plan>;
}

interface OsvRecord {
  readonly id: string;
  readonly source: string;
  readonly ecosystem?: string;
  readonly fixed?: string;
  readonly more?: object;
}

async function watchFleet(change: Change = {}): Promise<Watched> {
  const small = await createSmallFleet(change);
  ends.push(() => small.remove());
  const feed = join(small.folder, "osv");
  await mkdir(feed);
  await small.configure({ ...change, feeds: { osv: feed } });
  const tell = async ({ id, source, ecosystem = "Debian:12", fixed, more }: OsvRecord): Promise<void> => {
    const at = new Date(Date.now() - hour).toISOString();
    const events = [{ introduced: "0" }, ...(fixed === undefined ? [] : [{ fixed }])];
    const affected = [{ package: { ecosystem, name: source }, ranges: [{ type: "ECOSYSTEM", events }] }];
    const record = {
      schema_version: "1.7.0",
      id,
      published: at,
      modified: new Date().toISOString(),
      affected,
      ...more,
    };
    await writeFile(join(feed, `${id}.json`), JSON.stringify(record));
  };
  await tell({ id: "CVE-2099-9999", source: "something-else", fixed: "1" });
  await small.publish(debian(smallPackages()));
  const open = await small.open();
  ends.push(() => open.close());
  expect(await open.run()).toMatchObject({ built: 3, failed: 0, alarms: [] });
  return {
    ...open,
    small,
    tell,
    publish: (versions) => small.publish(debian(smallPackages(versions))),
    plan: () => open.operations.plan({}),
  };
}

/** The same packages, of which the first says which release it is. */
function debian(packages: readonly DebSpec[]): DebSpec[] {
  const release = { path: "usr/lib/os-release", content: 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=small\n' };
  return packages.map((one) =>
    one.name === "small-base" ? { ...one, entries: [...(one.entries ?? []), release] } : one,
  );
}

describe("a record for a package that production holds", () => {
  it("becomes a plan, a rebuild at the lowest image in the urgent lane, and is gone from production", async () => {
    const fleet = await watchFleet({ policies: { coolDown: "3d" } });
    fleet.clock.jump(hour);
    await fleet.publish({ libsmall1: "1.0-2" });
    expect(await fleet.run()).toMatchObject({ rebuilt: 0 });
    const before = await fleet.plan();
    expect(before.held.map(({ image, kind }) => [image, kind])).toEqual([
      ["small-root", "cool-down"],
      ["small-app", "cool-down"],
    ]);
    expect(before.findings).toEqual([]);
    expect(before.unknown).toEqual([{ image: "small-alone", reasons: ["it does not say which release it is"] }]);

    await fleet.tell({ id: "CVE-2099-0001", source: "libsmall1", fixed: "1.0-2", more: { severity: critical } });
    await fleet.operations.look({});
    const plan = await fleet.plan();
    expect(plan.waves.map(({ rebuilds }) => rebuilds.map(({ image, lane }) => [image, lane]))).toEqual([
      [["small-root", "urgent"]],
      [["small-app", "urgent"]],
    ]);
    expect(
      plan.findings.map(({ image, id, severity, remedy, schedule }) => [
        image,
        id,
        severity,
        remedy.kind,
        remedy.image,
        remedy.version,
        schedule.state,
        schedule.lane,
      ]),
    ).toEqual([
      ["small-app", "CVE-2099-0001", "critical", "rebuild", "small-root", "1.0-2", "planned", "urgent"],
      ["small-root", "CVE-2099-0001", "critical", "rebuild", "small-root", "1.0-2", "planned", "urgent"],
    ]);

    expect(await fleet.run()).toMatchObject({ rebuilt: 2, failed: 0 });
    for (const image of ["small-root", "small-app"]) expect(await fleet.version(image, "libsmall1")).toBe("1.0-2");
    expect((await fleet.plan()).findings).toEqual([]);
    const status = await fleet.operations.status({ image: "small-app" });
    expect(status.images[0]?.findings).toMatchObject({ state: "known", open: 0, cures: [] });
  }, 120_000);

  it("starts nothing where no version cures it, and is shown", async () => {
    const fleet = await watchFleet();
    await fleet.tell({ id: "CVE-2099-0002", source: "small-tool" });
    expect(await fleet.run()).toMatchObject({ rebuilt: 0, failed: 0 });
    const plan = await fleet.plan();
    expect(plan.waves).toEqual([]);
    expect(plan.cures).toMatchObject([
      {
        image: "small-app",
        ids: ["CVE-2099-0002"],
        remedy: { kind: "wait-upstream", image: null, version: null },
        schedule: { state: "upstream" },
      },
    ]);
    const status = await fleet.operations.status({ image: "small-app" });
    expect(status.images[0]?.findings).toMatchObject({ state: "known", open: 1, accepted: 0, cures: plan.cures });
  }, 120_000);
});
