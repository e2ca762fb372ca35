import { existsSync, readFileSync } from "node:fs";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { needs } from "../../../test/needs.ts";
import {
  keysOf,
  matchAdvisories,
  type AdvisoryIndex,
  type AdvisoryKey,
  type IndexedAdvisory,
} from "../../core/advisory/index.ts";
import type { Inventory } from "../../core/inventory/index.ts";
import { manualClock, sha256 } from "../../lib/index.ts";
import { createFeed, defaultFeedLimits, loadFeeds, type Feed, type FeedConfig, type FeedLimits } from "./index.ts";

const shipped = fileURLToPath(new URL("testdata/osv/", import.meta.url));
const day = 86_400_000;
const start = Date.parse("2023-10-26T00:00:00Z");

let folder: string;
let clock: ReturnType<typeof manualClock>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-feed-"));
  clock = manualClock(start);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const feedOf = (location: string, more: Partial<FeedConfig> = {}, limits?: FeedLimits) =>
  createFeed({ name: "osv", kind: "osv", location, ...more }, join(folder, "cache"), clock, limits);
async function feedOn(content: string, more: Partial<FeedConfig> = {}, limits?: FeedLimits) {
  await writeFile(join(folder, "feed.json"), content);
  return feedOf(join(folder, "feed.json"), more, limits);
}
/** What the generation in use says of one package. */
async function find(feed: Feed, ecosystem: string, name: string): Promise<readonly IndexedAdvisory[] | undefined> {
  return (await lookUp(feed, [{ ecosystem, name }]))?.find(ecosystem, name);
}
async function lookUp(feed: Feed, keys: readonly AdvisoryKey[] = []): Promise<AdvisoryIndex | undefined> {
  return (await loadFeeds([feed])).lookup(keys);
}
function record(id: string, more: object = {}): object {
  const range = { type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed: "2" }] };
  const affected = [{ package: { ecosystem: "Debian:12", name: "openssl" }, ranges: [range] }];
  return { id, modified: "2023-10-25T00:00:00Z", affected, ...more };
}

describe("a feed in a folder", () => {
  it("is read once for each generation, and says when it was", async () => {
    await cp(shipped, join(folder, "osv"), { recursive: true });
    const feed = feedOf(join(folder, "osv"));
    expect((await feed.load()).status).toMatchObject({ fault: "stale", alarm: "osv: was never read" });
    const status = await feed.refresh();
    expect(status).toMatchObject({ alarm: undefined, fault: undefined, advisories: 3, bad: 0, checked: start });
    const [{ generation }, other] = await Promise.all([feed.load(), feed.load()]);
    expect(other.generation).toBe(generation);
    expect((await find(feed, "debian:12", "openssl"))?.map(({ advisory }) => advisory.id)).toEqual(["DSA-5532-1"]);
    clock.advance(day);
    expect(await feed.refresh()).toEqual({ ...status, checked: start + day });
    expect((await feed.load()).generation).toBe(generation);

    await writeFile(join(folder, "osv", "CVE-2023-0001.json"), JSON.stringify(record("CVE-2023-0001")));
    expect((await feed.refresh()).generation).not.toBe(status.generation);
    expect(await find(feed, "debian:12", "openssl")).toHaveLength(2);
    expect(await feed.changedSince(status.generation ?? "")).toEqual([{ ecosystem: "debian:12", name: "openssl" }]);
    expect(await feed.changedSince("0".repeat(64))).toBeUndefined();
  });

  it("is known to the next process, and is stale after a week without anything new", async () => {
    await cp(shipped, join(folder, "osv"), { recursive: true });
    await feedOf(join(folder, "osv")).refresh();
    clock.advance(8 * day);
    const feed = feedOf(join(folder, "osv"));
    const { status } = await feed.load();
    expect(status).toMatchObject({ fault: "stale", alarm: "osv: was last read 8 days ago" });
    expect((await lookUp(feed))?.size).toBe(3);
    expect(await feed.refresh()).toMatchObject({ fault: "stale", checked: start + 8 * day });
    const { doubts } = await loadFeeds([feed]);
    expect(doubts.join()).toMatch(/^osv: its newest entry is \d+ days old$/);
  });

  it("has every ecosystem in it, or those that are asked for, and then reads anew", async () => {
    const own = record("TIDE-1", { affected: [{ package: { ecosystem: "Tide:1", name: "tide" }, versions: ["1"] }] });
    const text = JSON.stringify([own, record("CVE-2023-1")]);
    expect(await (await feedOn(text)).refresh()).toMatchObject({ fault: undefined, advisories: 2 });
    const feed = await feedOn(text, { ecosystems: ["tide"] });
    expect((await feed.load()).status.generation).toBeUndefined();
    expect(await feed.refresh()).toMatchObject({ fault: undefined, advisories: 1 });
    const index = await lookUp(feed);
    expect([index?.covers("tide:1"), index?.covers("debian:12")]).toEqual([true, false]);
    const other = await feedOn(text, { ecosystems: ["npm"] });
    expect(await other.refresh()).toMatchObject({ fault: "failing", advisories: 0 });
  });

  it("says nothing of a package that nobody asked for, rather than that it is clean", async () => {
    const feed = await feedOn(JSON.stringify([record("CVE-2023-1")]));
    await feed.refresh();
    const index = await lookUp(feed, [{ ecosystem: "debian:12", name: "zlib" }]);
    expect(index?.find("debian:12", "zlib")).toEqual([]);
    expect(() => index?.find("debian:12", "openssl")).toThrow("nobody asked");
  });
});

describe("a hostile feed", () => {
  const good = Array.from({ length: 30 }, (_, at) => record(`CVE-2023-${1000 + at}`));

  it("has what is broken in it set aside, and keeps the rest", async () => {
    const hostile = [
      record("../../etc/passwd"),
      record("CVE-2023-0001", { modified: "1e400" }),
      record("CVE-2023-0002", { affected: 5 }),
      record("CVE-2023-0003", { affected: [{ package: { ecosystem: "Debian:12", name: 7 } }] }),
      null,
      1e308,
    ];
    const proto = `{"__proto__": {"id": "CVE-2023-9999"}, "id": "CVE-2023-0004", "modified": "2023-10-25T00:00:00Z", "affected": [{"package": {"ecosystem": "Debian:__proto__", "name": "constructor"}}]}`;
    const text = `[${[...good, ...hostile].map((one) => JSON.stringify(one)).join(",")},${proto},{"id":}]`;
    const feed = await feedOn(text);
    expect(await feed.refresh()).toMatchObject({ alarm: undefined, advisories: 31, bad: 7 });
    expect(await find(feed, "debian:12", "openssl")).toHaveLength(30);
    expect(await find(feed, "debian:12", "constructor")).toEqual([]);
    expect(await find(feed, "debian:__proto__", "constructor")).toHaveLength(1);
    expect(await find(feed, "constructor", "__proto__")).toEqual([]);
    expect((await lookUp(feed))?.covers("__proto__")).toBe(false);
  });

  it("does not stay young by a date that is to come", async () => {
    const feed = await feedOn(JSON.stringify([...good, record("CVE-2023-0001", { modified: "+275760-09-13" })]));
    const status = await feed.refresh();
    expect(status.newest).toBe(Date.parse("2023-10-25T00:00:00Z"));
    clock.advance(7 * day);
    expect(await feed.refresh()).toMatchObject({ fault: "stale" });
  });

  it.each<[string, string, RegExp, FeedLimits]>([
    ["empty", "[]", /is empty/, defaultFeedLimits],
    ["torn", JSON.stringify(good).slice(0, -40), /ends/, defaultFeedLimits],
    ["of another shape", JSON.stringify(good.map(() => ({ cve: 1 }))), /break the schema/, defaultFeedLimits],
    ["half as large", JSON.stringify(good.slice(0, 10)), /it has 10 advisories/, defaultFeedLimits],
    ["too large", JSON.stringify(good), /is larger than/, { ...defaultFeedLimits, download: 100 }],
    ["of too many records", JSON.stringify(good), /more than 9 records/, { ...defaultFeedLimits, records: 9 }],
  ])("that is %s leaves what was known in use, as failing", async (_, text, message, limits) => {
    const held = await (await feedOn(JSON.stringify(good))).refresh();
    const feed = await feedOn(`${text} `, {}, limits);
    const status = await feed.refresh();
    expect(status).toMatchObject({ fault: "failing", generation: held.generation, advisories: 30 });
    expect(status.alarm).toMatch(message);
    expect((await lookUp(feed))?.size).toBe(30);
    expect((await feed.load()).status.fault).toBe("failing");
    expect(await (await feedOn(JSON.stringify([...good, record("CVE-2023-0001")]))).refresh()).toMatchObject({
      fault: undefined,
      advisories: 31,
    });
  });

  it("whose kept copy is broken is read anew", async () => {
    const feed = await feedOn(JSON.stringify(good));
    await feed.refresh();
    const [home = ""] = await readdir(join(folder, "cache"));
    const kept = (await readdir(join(folder, "cache", home))).find((name) => name.endsWith(".gen")) ?? "";
    await rm(join(folder, "cache", home, kept));
    const next = feedOf(join(folder, "feed.json"));
    expect((await next.load()).generation).toBeUndefined();
    expect((await loadFeeds([next])).doubts).toEqual(["osv: what was kept of it cannot be read any more"]);
    await next.refresh();
    expect((await lookUp(next))?.size).toBe(30);
  });
});

describe("the security tracker's document", () => {
  it("is read with its fixes and urgencies; what is broken in it is set aside", async () => {
    const issue = (releases: object) => ({ description: "made up in the tracker's shape", scope: "remote", releases });
    const fixed = { status: "resolved", repositories: { bookworm: "3.0.11-1" }, fixed_version: "3.0.11-1" };
    const text = JSON.stringify({
      openssl: {
        "CVE-2023-5363": issue({ bookworm: { ...fixed, urgency: "high" }, sid: { status: "open", urgency: "low" } }),
        "CVE-2023-0001": issue({ bookworm: { status: "open", urgency: "unimportant" } }),
        "CVE-2023-0002": issue({ bookworm: { status: "open", urgency: { deep: 1 } } }),
        "CVE-2023-0003": issue({ bookworm: { status: 5 } }),
        constructor: issue({}),
      },
      toString: 5,
    }).replace('"toString"', '"__proto__"');
    const feed = await feedOn(text, { name: "debian-tracker", kind: "debian-tracker" });
    expect(await feed.refresh()).toMatchObject({ advisories: 3, bad: 3, fault: undefined });
    const found = (await find(feed, "debian:12", "openssl")) ?? [];
    expect(found.map(({ advisory, affected }) => [advisory.id, affected.critical === true])).toEqual([
      ["CVE-2023-0001", false],
      ["CVE-2023-0002", false],
      ["CVE-2023-5363", true],
    ]);
  });
});

describe("a feed at an address", () => {
  it("is asked whether it changed, and is given up after its time", async () => {
    const asked: (string | undefined)[] = [];
    let isHanging = false;
    const server = createServer((request, response) => {
      asked.push(request.headers["if-none-match"]);
      if (isHanging) return;
      const isKnown = request.headers["if-none-match"] === '"1"';
      response
        .writeHead(isKnown ? 304 : 200, { etag: '"1"' })
        .end(isKnown ? "" : JSON.stringify([record("CVE-2023-1")]));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/all.json`;
      const feed = feedOf(address, {}, { ...defaultFeedLimits, timeoutMs: 3000 });
      expect(await feed.refresh()).toMatchObject({ fault: undefined, advisories: 1 });
      clock.advance(1000);
      expect(await feed.refresh()).toMatchObject({ fault: undefined, checked: start + 1000 });
      isHanging = true;
      expect(await feed.refresh()).toMatchObject({ fault: "failing", advisories: 1, checked: start + 1000 });
      expect(asked).toEqual([undefined, '"1"', '"1"']);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

const shared = "../shared/data";
const absent = existsSync(shared) ? undefined : "the shared data";

describe("Debian's whole list of advisories", () => {
  interface RealPackage {
    readonly name: string;
    readonly version: string;
    readonly source: string;
    readonly source_version: string;
  }
  const packages = (change: (one: RealPackage) => string): Inventory => {
    const path = `${shared}/inventories/debian/bookworm-minbase/inventory.json`;
    const real = JSON.parse(readFileSync(path, "utf8")) as { readonly packages: readonly RealPackage[] };
    return {
      platform: { os: "linux", architecture: "amd64" },
      os: { id: "debian", versionId: "12", codename: "bookworm", prettyName: undefined },
      packages: real.packages.map((one) => ({
        type: "deb",
        name: one.name,
        version: one.version,
        architecture: "amd64",
        source: one.source,
        sourceVersion: change(one),
        layer: sha256(""),
      })),
      status: "complete",
      system: "complete",
      problems: [],
    };
  };

  needs(absent)("is read whole, and says of a real system what is computed with dpkg", async () => {
    clock.advance(Date.parse("2026-08-22T12:00:00Z") - start);
    const feed = feedOf(`${shared}/osv/Debian/all.zip`);
    expect(await feed.refresh()).toMatchObject({ advisories: 5083, bad: 0 });
    const report = async (inventory: Inventory) => matchAdvisories(inventory, await lookUp(feed, keysOf(inventory)));
    expect(await report(packages((one) => one.source_version))).toEqual({ state: "known", reasons: [], findings: [] });
    const older = await report(
      packages((one) => (one.source === "zlib" || one.source === "gnutls28" ? "0" : one.source_version)),
    );
    expect(new Set(older.findings.map(({ source }) => source))).toContain("gnutls28");
  });
});
