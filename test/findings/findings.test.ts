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
  /** What is known to be exploited. */
  readonly exploited: (...ids: readonly string[]) => Promise<void>;
  /** Says that a vulnerability does not matter, until then. */
  readonly accept: (id: string, purl: string, until: number) => Promise<void>;
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
  const [feed, vex] = [join(small.folder, "osv"), join(small.folder, "vex")];
  for (const folder of [feed, vex]) await mkdir(folder);
  // A program with modules of its own beside what the suite offers.
  for (const [path, manifest] of Object.entries(modules)) {
    await mkdir(join(small.folder, path), { recursive: true });
    await writeFile(join(small.folder, path, "package.json"), JSON.stringify(manifest));
  }
  const files = Object.keys(modules).map((path) => ({ from: `${path}/package.json`, to: `/srv/${path}/package.json` }));
  const images = {
    "small-alone": { packages: ["small-base", "small-gauge"], entrypoint: ["/usr/bin/small-gauge"], files },
  };
  const kev = join(small.folder, "kev.json");
  const exploited = (...ids: readonly string[]) => {
    const vulnerabilities = ids.map((cveID) => ({ cveID, dateAdded: "2026-01-02", dueDate: "2026-01-23" }));
    const dateReleased = new Date().toISOString();
    return writeFile(kev, JSON.stringify({ catalogVersion: "1", dateReleased, count: ids.length, vulnerabilities }));
  };
  await exploited("CVE-2099-8888");
  const feeds = [
    { kind: "osv", from: feed, trust: "strong" },
    { kind: "kev", from: kev },
  ];
  await small.configure({ images, ...change, feeds, vex: ["vex"] });
  const tell = async ({ id, source, ecosystem = "Debian:12", fixed, more }: OsvRecord): Promise<void> => {
    const at = new Date(Date.now() - hour).toISOString();
    const events = [{ introduced: "0" }, ...(fixed === undefined ? [] : [{ fixed }])];
    const type = ecosystem === "npm" ? "SEMVER" : "ECOSYSTEM";
    const affected = [{ package: { ecosystem, name: source }, ranges: [{ type, events }] }];
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
  await tell({ id: "GHSA-2222-2222-2222", source: "something-else", ecosystem: "npm", fixed: "1.0.0" });
  await small.publish(debian(smallPackages()));
  const open = await small.open();
  ends.push(() => open.close());
  expect(await open.run()).toMatchObject({ built: 3, failed: 0, alarms: [] });
  return {
    ...open,
    small,
    tell,
    exploited,
    accept: async (id, purl, until) => {
      const statement = {
        vulnerability: { name: id },
        products: [{ "@id": purl }],
        status: "not_affected",
        justification: "vulnerable_code_not_in_execute_path",
        tidemill_expires: new Date(until).toISOString(),
      };
      const document = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": `https://example.invalid/vex/${id}`,
        author: "ada@example.invalid",
        timestamp: new Date(open.clock.now() - 1000).toISOString(),
        version: 1,
        statements: [statement],
      };
      await writeFile(join(vex, `${id}.json`), JSON.stringify(document));
    },
    publish: (versions) => small.publish(debian(smallPackages(versions))),
    plan: () => open.operations.plan({}),
  };
}

const modules = {
  app: { name: "app", version: "1.0.0", dependencies: { mkdirp: "^0.5.0", minimist: "^1.2.0" } },
  "app/node_modules/minimist": { name: "minimist", version: "1.2.0" },
  "app/node_modules/mkdirp": { name: "mkdirp", version: "0.5.1", dependencies: { minimist: "0.0.8" } },
  "app/node_modules/mkdirp/node_modules/minimist": { name: "minimist", version: "0.0.8" },
};

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
    expect(before.unknown).toEqual([]);

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

    for (const image of ["small-root", "small-app"]) {
      const why = await fleet.operations.why({ image });
      const [life] = why.findings.filter(({ environment }) => environment === "production");
      expect(life).toMatchObject({
        id: "CVE-2099-0001",
        package: "libsmall1",
        severity: "critical",
        published: expect.any(String) as string,
        closed: { kind: "replaced", rebuild: why.rebuild?.id },
      });
      const times = [life?.published, life?.detected, life?.fixAvailable, life?.closed?.at].map((at) =>
        Date.parse(at ?? ""),
      );
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      const moved = why.promotions.find(({ environment }) => environment === "production");
      expect(life?.closed?.at).toBe(moved?.at);
      expect((await fleet.operations.why({ image, digest: why.previous ?? "" })).findings).toContainEqual(life);
    }
  }, 120_000);

  it("takes the urgent lane when it turns out to be exploited, though it was not critical and its cure already waited", async () => {
    const fleet = await watchFleet({ policies: { coolDown: "3d" } });
    fleet.clock.jump(hour);
    await fleet.publish({ libsmall1: "1.0-2" });
    await fleet.tell({ id: "CVE-2099-0005", source: "libsmall1", fixed: "1.0-2" });
    expect(await fleet.run()).toMatchObject({ rebuilt: 0, failed: 0 });
    const [waiting] = (await fleet.plan()).findings;
    expect(waiting).toMatchObject({ exploited: false, remedy: { kind: "rebuild" }, schedule: { state: "waiting" } });
    expect(Date.parse(waiting?.schedule.notBefore ?? "")).toBeGreaterThan(fleet.clock.now());

    await fleet.exploited("CVE-2099-8888", "CVE-2099-0005");
    await fleet.operations.look({});
    const plan = await fleet.plan();
    expect(plan.findings[0]).toMatchObject({ exploited: true, schedule: { state: "planned", lane: "urgent" } });
    expect(await fleet.run()).toMatchObject({ rebuilt: 2, failed: 0 });
  }, 120_000);

  it("is withdrawn again, and nothing was started", async () => {
    const fleet = await watchFleet({ policies: { coolDown: "3d" } });
    const record = { id: "CVE-2099-0003", source: "libsmall1" };
    await fleet.tell(record);
    await fleet.run();
    expect((await fleet.plan()).cures.map(({ image, ids }) => [image, ids])).toEqual([
      ["small-app", ["CVE-2099-0003"]],
      ["small-root", ["CVE-2099-0003"]],
    ]);
    await fleet.tell({ ...record, more: { withdrawn: new Date().toISOString() } });
    expect(await fleet.run()).toMatchObject({ rebuilt: 0, failed: 0 });
    expect((await fleet.plan()).cures).toEqual([]);
    const { findings } = await fleet.operations.why({ image: "small-root" });
    expect(findings.map(({ id, environment, closed }) => [id, environment, closed?.kind, closed?.rebuild])).toEqual(
      expect.arrayContaining([
        ["CVE-2099-0003", "staging", "withdrawn", null],
        ["CVE-2099-0003", "production", "withdrawn", null],
      ]),
    );
  }, 120_000);

  it("is accepted by a person: shown as that, no reason to hurry, and one again when that has expired", async () => {
    const fleet = await watchFleet({ policies: { coolDown: "3d" } });
    fleet.clock.jump(hour);
    await fleet.publish({ libsmall1: "1.0-2" });
    await fleet.accept("CVE-2099-0004", "pkg:deb/debian/libsmall1", fleet.clock.now() + 2 * hour);
    await fleet.tell({ id: "CVE-2099-0004", source: "libsmall1", fixed: "1.0-2", more: { severity: critical } });
    expect(await fleet.run()).toMatchObject({ rebuilt: 0, failed: 0 });
    const plan = await fleet.plan();
    expect(plan.held.map(({ image, kind }) => [image, kind])).toEqual([
      ["small-root", "cool-down"],
      ["small-app", "cool-down"],
    ]);
    expect(plan.cures.map(({ image, remedy, schedule }) => [image, remedy.kind, remedy.by, schedule.state])).toEqual([
      ["small-app", "accepted", "ada@example.invalid", "accepted"],
      ["small-root", "accepted", "ada@example.invalid", "accepted"],
    ]);
    const status = await fleet.operations.status({ image: "small-root" });
    expect(status.images[0]?.findings).toMatchObject({ open: 0, accepted: 1 });
    const { findings } = await fleet.operations.why({ image: "small-root" });
    expect(findings.map(({ environment, closed }) => [environment, closed?.kind])).toEqual(
      expect.arrayContaining([
        ["staging", "vex"],
        ["production", "vex"],
      ]),
    );

    fleet.clock.jump(3 * hour);
    expect(await fleet.run()).toMatchObject({ rebuilt: 2, failed: 0 });
  }, 120_000);

  it("of a language starts nothing: it proposes the exact version for each place, and says who pins it", async () => {
    const fleet = await watchFleet();
    await fleet.tell({
      id: "GHSA-xvch-5gv4-984h",
      source: "minimist",
      ecosystem: "npm",
      more: {
        affected: [
          {
            package: { ecosystem: "npm", name: "minimist" },
            ranges: [
              {
                type: "SEMVER",
                events: [{ introduced: "0" }, { fixed: "0.2.4" }, { introduced: "1.0.0" }, { fixed: "1.2.6" }],
              },
            ],
          },
        ],
      },
    });
    expect(await fleet.run()).toMatchObject({ rebuilt: 0, failed: 0 });
    const plan = await fleet.plan();
    expect(plan.waves).toEqual([]);
    const at = (path: string) => `srv/app/${path}node_modules/minimist/package.json`;
    expect(
      plan.findings.map(({ image, path, remedy, schedule }) => [
        image,
        path,
        remedy.kind,
        remedy.version,
        schedule.state,
      ]),
    ).toEqual([
      ["small-alone", at(""), "bump-source", "1.2.6", "person"],
      ["small-alone", at("node_modules/mkdirp/"), "bump-source", "0.2.4", "person"],
    ]);
    expect(
      plan.findings.map(({ remedy }) => [
        remedy.compatible,
        remedy.dependants.map(({ name, range, allows }) => [name, range, allows]),
      ]),
    ).toEqual([
      [true, [["app@1.0.0", "^1.2.0", true]]],
      [false, [["mkdirp@0.5.1", "0.0.8", false]]],
    ]);
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
    expect(plan.findings[0]).toMatchObject({ detected: expect.any(String) as string, fixAvailable: null });
    const { findings } = await fleet.operations.why({ image: "small-app" });
    expect(findings.map(({ id, closed }) => [id, closed])).toEqual([
      ["CVE-2099-0002", null],
      ["CVE-2099-0002", null],
    ]);
  }, 120_000);
});
