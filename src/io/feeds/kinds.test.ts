import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "../../lib/index.ts";
import { createFeed, defaultFeedLimits, loadFeeds, type Feed, type FeedConfig, type FeedLimits } from "./index.ts";

const start = Date.parse("2026-08-22T00:00:00Z");
let folder: string;
const clock = manualClock(start);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-kinds-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function feedOn(
  kind: FeedConfig["kind"],
  content: string | Buffer,
  more: Partial<FeedConfig> = {},
  limits?: FeedLimits,
): Promise<Feed> {
  await writeFile(join(folder, kind), content);
  return createFeed({ name: kind, kind, location: join(folder, kind), ...more }, join(folder, "cache"), clock, limits);
}
const find = async (feed: Feed, ecosystem: string, name: string) =>
  (await (await loadFeeds([feed])).lookup([{ ecosystem, name }]))
    ?.find(ecosystem, name)
    .map(({ advisory, affected }) => [advisory.id, affected.ranges[0]?.fixed]);

describe("a security database of Alpine or Wolfi", () => {
  const pkg = (name: string, secfixes: unknown) => ({ pkg: { name, secfixes } });
  const openssl = pkg("openssl", { "3.1.4-r1": ["CVE-2023-5678"], "0": ["CVE-2022-1292"] });

  it("says which release it is about, alone or in a folder of branches", async () => {
    await mkdir(join(folder, "secdb", "v3.19"), { recursive: true });
    const of = (release: string, packages: unknown[]) =>
      JSON.stringify({ distroversion: release, reponame: "main", packages });
    await writeFile(join(folder, "secdb", "v3.19", "main.json"), of("v3.19", [openssl]));
    await writeFile(join(folder, "secdb", "v3.20.json"), of("v3.20", [pkg("curl", { "8-r1": ["CVE-2024-1234"] })]));
    const feed = createFeed(
      { name: "secdb", kind: "secdb", location: join(folder, "secdb") },
      join(folder, "cache"),
      clock,
    );
    expect(await feed.refresh()).toMatchObject({ fault: undefined, advisories: 3, bad: 0 });
    expect(await find(feed, "alpine:v3.19", "openssl")).toEqual([
      ["CVE-2022-1292", undefined],
      ["CVE-2023-5678", "3.1.4-r1"],
    ]);
    expect(await find(feed, "alpine:v3.20", "curl")).toEqual([["CVE-2024-1234", "8-r1"]]);
    expect(await find(feed, "alpine:v3.20", "openssl")).toEqual([]);
  });

  it("of Wolfi is told whose it is; without that it is refused", async () => {
    const text = JSON.stringify({ reponame: "os", packages: [openssl, pkg("x", { "1-r0": 5 })] });
    const nameless = await (await feedOn("secdb", text)).refresh();
    expect(nameless.alarm).toMatch(/does not say which release/);
    const feed = await feedOn("secdb", text, { ecosystems: ["Wolfi"] });
    expect(await feed.refresh()).toMatchObject({ fault: undefined, advisories: 2, bad: 1 });
    expect(await find(feed, "wolfi", "openssl")).toHaveLength(2);
  });

  it("that is cut off is refused", async () => {
    const feed = await feedOn("secdb", '{"distroversion":"v3.19","packages":[');
    expect(await feed.refresh()).toMatchObject({ fault: "failing" });
  });
});

describe("malware", () => {
  it("is taken from among other records, however deep they lie", async () => {
    const deep = join(folder, "malware", "osv", "malicious", "npm", "left-pad");
    await mkdir(deep, { recursive: true });
    const affected = [{ package: { ecosystem: "npm", name: "left-pad" }, versions: ["6.6.6"] }];
    const record = (id: string) => JSON.stringify({ id, modified: new Date(start).toISOString(), affected });
    await writeFile(join(deep, "MAL-2026-1.json"), record("MAL-2026-1"));
    await writeFile(join(deep, "GHSA-1.json"), record("GHSA-1"));
    const feed = createFeed(
      { name: "mal", kind: "malware", location: join(folder, "malware") },
      join(folder, "cache"),
      clock,
    );
    expect(await feed.refresh()).toMatchObject({ fault: undefined, advisories: 1 });
    const index = await (await loadFeeds([feed])).lookup([{ ecosystem: "npm", name: "left-pad" }]);
    expect(index?.find("npm", "left-pad")).toMatchObject([{ advisory: { id: "MAL-2026-1", malicious: true } }]);
  });
});

describe("exploits and scores", () => {
  const catalogue = (cves: readonly string[], more: object = {}) =>
    JSON.stringify({
      dateReleased: "2026-08-21T12:00:00Z",
      count: cves.length,
      vulnerabilities: cves.map((cveID) => ({ cveID, dateAdded: "2026-08-01", dueDate: "2026-08-22" })),
      ...more,
    });
  const scores = (rows: readonly string[]) =>
    `#model_version:v2026,score_date:2026-08-21T00:00:00+0000\ncve,epss,percentile\n${rows.join("\n")}\n`;
  const doubtless = async (feeds: readonly Feed[]) => (await loadFeeds(feeds)).doubts;

  it("are asked by CVE, beside the advisories, which they put in no doubt", async () => {
    const kev = await feedOn("kev", catalogue(["CVE-2026-1000", "CVE-2025-99999"]));
    const epss = await feedOn("epss", gzipSync(scores(["CVE-2026-1000,0.97,0.99", "CVE-2019-0001,0.00042,0.1"])));
    expect(await kev.refresh()).toMatchObject({ fault: undefined, advisories: 2 });
    expect(await epss.refresh()).toMatchObject({ fault: undefined, advisories: 2 });
    const { signals, generation } = await loadFeeds([kev, epss]);
    expect(generation).toBeUndefined();
    expect(signals.exploitedOf("CVE-2026-1000")).toEqual({
      since: Date.parse("2026-08-01"),
      due: Date.parse("2026-08-22"),
    });
    expect([signals.epssOf("CVE-2026-1000"), signals.epssOf("CVE-2019-0001")]).toEqual([0.97, 0.00042]);
    for (const id of ["CVE-2026-1001", "GHSA-1", "CVE-2019-0000", "CVE-9999-99999999999", "__proto__"])
      expect([signals.exploitedOf(id), signals.epssOf(id)]).toEqual([undefined, undefined]);
    expect(await doubtless([kev, epss])).toEqual(["no feed"]);
    expect(await kev.refresh()).toMatchObject({ checked: start });
  });

  it.each<[FeedConfig["kind"], string, string | Buffer, RegExp]>([
    ["kev", "cut off", catalogue(["CVE-2026-1000"]).slice(0, -9), /no whole JSON/],
    ["kev", "of another count", catalogue(["CVE-2026-1000"], { count: 5 }), /says that it has 5/],
    ["kev", "empty", "", /is empty/],
    ["epss", "without a heading", "hello\nworld\n", /no heading/],
    ["epss", "cut off in a line", scores(["CVE-2026-1000,0.9"]).slice(0, -3), /cut off/],
    ["epss", "cut off as gzip", gzipSync(scores(["CVE-2026-1000,0.9,0.9"])).subarray(0, 50), /cannot be unpacked/],
    ["epss", "a bomb", gzipSync(Buffer.alloc(32 * 1_048_576)), /unpacks to more than/],
  ])("%s that are %s leave what was known in use", async (kind, _, text, message) => {
    const good = kind === "kev" ? catalogue(["CVE-2026-1000"]) : scores(["CVE-2026-1000,0.9,0.9"]);
    await (await feedOn(kind, good)).refresh();
    const feed = await feedOn(kind, text, {}, { ...defaultFeedLimits, signals: 1_048_576 });
    const status = await feed.refresh();
    expect(status).toMatchObject({ fault: "failing", advisories: 1 });
    expect(status.alarm).toMatch(message);
    const { signals } = await loadFeeds([feed]);
    expect(signals.epssOf("CVE-2026-1000") ?? signals.exploitedOf("CVE-2026-1000")?.due).toBeDefined();
  });

  it("whose kept table is damaged are read anew", async () => {
    const kev = await feedOn("kev", catalogue(["CVE-2026-1000"]));
    const { generation } = await kev.refresh();
    await kev.discard();
    expect(generation).toBeDefined();
    expect(await (await feedOn("kev", catalogue(["CVE-2026-1000"]))).refresh()).toMatchObject({ advisories: 1 });
  });
});
