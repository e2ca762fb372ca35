import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "../../lib/index.ts";
import { createFeed, loadFeeds, type Feed, type FeedConfig } from "./index.ts";
import { openFeedServer, type FeedServer } from "./testdata/feed-server.ts";
import { makeZip } from "./testdata/make-zip.ts";

const start = Date.parse("2026-08-22T00:00:00Z");

/** One ecosystem of a bucket, as its keepers publish it. */
class Bucket {
  readonly records = new Map<string, { modified: string; text: string }>();
  private readonly server: FeedServer;
  private readonly ecosystem: string;
  constructor(server: FeedServer, ecosystem: string) {
    this.server = server;
    this.ecosystem = ecosystem;
  }
  put(id: string, name: string, minute: number, more: object = {}): void {
    const modified = new Date(start - 3_600_000 + minute * 60_000).toISOString();
    const affected = [{ package: { ecosystem: this.ecosystem, name }, versions: ["1"] }];
    this.records.set(id, { modified, text: JSON.stringify({ id, modified, affected, ...more }) });
  }
  publish(): void {
    const { files } = this.server;
    const newest = [...this.records].sort(([, a], [, b]) => (a.modified < b.modified ? 1 : -1));
    files.set(`/${this.ecosystem}/modified_id.csv`, newest.map(([id, { modified }]) => `${modified},${id}\n`).join(""));
    files.set(
      `/${this.ecosystem}/all.zip`,
      makeZip([...this.records].map(([id, { text }]) => ({ name: `${id}.json`, bytes: text }))),
    );
    for (const [id, { text }] of this.records) files.set(`/${this.ecosystem}/${id}.json`, text);
  }
}

describe("a bucket of OSV records at an address", () => {
  let folder: string;
  let server: FeedServer;
  let npm: Bucket;
  let pypi: Bucket;
  const clock = manualClock(start);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemill-bucket-"));
    server = await openFeedServer();
    npm = new Bucket(server, "npm");
    pypi = new Bucket(server, "PyPI");
    for (let at = 0; at < 20; at += 1) npm.put(`GHSA-npm-${at}`, `npm-${at}`, at);
    for (let at = 0; at < 20; at += 1) pypi.put(`PYSEC-2026-${at}`, `Py_${at}`, at);
    npm.publish();
    pypi.publish();
  });
  afterEach(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const feedOf = (more: Partial<FeedConfig> = {}): Feed => {
    const config = { name: "osv", kind: "osv", location: `${server.url}/`, ecosystems: ["npm", "PyPI"] } as const;
    return createFeed({ ...config, ...more }, join(folder, "cache"), clock);
  };
  const idsOf = async (feed: Feed, ecosystem: string, name: string) =>
    (await (await loadFeeds([feed])).lookup([{ ecosystem, name }]))
      ?.find(ecosystem, name)
      .map((one) => one.advisory.id);
  const asked = (): string[] => server.sent.splice(0).sort();

  it("is read whole once, and then only what is listed as changed", async () => {
    const feed = feedOf();
    expect(await feed.refresh()).toMatchObject({ fault: undefined, advisories: 40, bad: 0 });
    expect(asked()).toEqual(["/PyPI/all.zip", "/PyPI/modified_id.csv", "/npm/all.zip", "/npm/modified_id.csv"]);
    const { generation } = await feed.refresh();
    expect(asked()).toEqual([]);

    npm.put("GHSA-npm-3", "npm-3", 30, { summary: "more is known" });
    npm.put("GHSA-new", "left-pad", 31);
    npm.records.delete("GHSA-npm-5");
    npm.publish();
    const status = await feed.refresh();
    expect(status).toMatchObject({ fault: undefined, advisories: 40 });
    expect(asked()).toEqual(["/npm/GHSA-new.json", "/npm/GHSA-npm-3.json", "/npm/modified_id.csv"]);
    expect(await idsOf(feed, "npm", "left-pad")).toEqual(["GHSA-new"]);
    expect(await idsOf(feed, "npm", "npm-5")).toEqual([]);
    expect(await idsOf(feed, "pypi", "py-7")).toEqual(["PYSEC-2026-7"]);
    expect((await feed.changedSince(generation ?? ""))?.map(({ name }) => name).sort()).toEqual([
      "left-pad",
      "npm-3",
      "npm-5",
    ]);
    const anew = feedOf({ name: "anew" });
    expect((await anew.refresh()).generation).toBe(status.generation);
  });

  it("has its archive read where much changed, or where a record that is listed is not there", async () => {
    const feed = feedOf();
    await feed.refresh();
    asked();
    for (let at = 0; at < 600; at += 1) npm.put(`GHSA-more-${at}`, `more-${at}`, 40);
    npm.publish();
    expect(await feed.refresh()).toMatchObject({ fault: undefined, advisories: 640 });
    expect(asked()).toEqual(["/npm/all.zip", "/npm/modified_id.csv"]);
    pypi.put("PYSEC-2026-99", "late", 50);
    pypi.publish();
    server.files.delete("/PyPI/PYSEC-2026-99.json");
    expect(await feed.refresh()).toMatchObject({ fault: undefined, advisories: 641 });
    expect(await idsOf(feed, "pypi", "late")).toEqual(["PYSEC-2026-99"]);
    expect(asked()).toEqual(["/PyPI/all.zip", "/PyPI/modified_id.csv"]);
  });

  it("keeps what was good in a record that is broken now", async () => {
    const feed = feedOf();
    await feed.refresh();
    npm.put("GHSA-npm-3", "npm-3", 30, { affected: 5 });
    npm.publish();
    expect(await feed.refresh()).toMatchObject({ fault: undefined, advisories: 40, bad: 1 });
    expect(await idsOf(feed, "npm", "npm-3")).toEqual(["GHSA-npm-3"]);
  });

  it.each<[string, string, RegExp]>([
    ["is empty", "", /is empty/],
    ["has half as many records", "2026-08-21T00:00:00Z,GHSA-npm-1\n", /lists 1 records, the last good one listed 20/],
    ["is no list", "<html>\n<body>busy</body>\n</html>\n", /are no time and id/],
    ["leads out of the folder", "2026-08-21T00:00:00Z,../../etc/passwd\n", /are no time and id/],
  ])("whose list %s leaves what was known in use, as failing", async (_, list, message) => {
    const feed = feedOf();
    const { generation } = await feed.refresh();
    server.files.set("/npm/modified_id.csv", list);
    const status = await feed.refresh();
    expect(status).toMatchObject({ fault: "failing", generation, advisories: 40 });
    expect(status.alarm).toMatch(message);
    npm.publish();
    expect(await feed.refresh()).toMatchObject({ fault: undefined, advisories: 40 });
  });

  it("is read anew where what was kept of it is damaged, and asks for nothing without ecosystems", async () => {
    const feed = feedOf();
    await feed.refresh();
    await feed.discard();
    asked();
    expect(await feedOf().refresh()).toMatchObject({ fault: undefined, advisories: 40 });
    expect(asked()).toHaveLength(4);
    const bare = createFeed({ name: "bare", kind: "osv", location: `${server.url}/` }, join(folder, "cache"), clock);
    expect((await bare.refresh()).alarm).toMatch(/no ecosystem of it is named/);
  });
});
