import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { createFeed, type Feed } from "../../io/feeds/index.ts";
import { silentLogger } from "../../lib/index.ts";
import type { Context, LoopEvent } from "../context.ts";
import { tendAlarms } from "../tend-alarms.ts";
import { watchFeeds } from "./watch-feeds.ts";

const day = 86_400_000;

describeStores("watchFeeds", ({ it, store, clock }) => {
  let folder: string;
  let events: LoopEvent[];
  beforeEach(async () => {
    events = [];
    folder = await mkdtemp(join(tmpdir(), "tidemill-watch-feeds-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const feedOf = (name: "osv" | "debian-tracker"): Feed =>
    createFeed({ name, kind: name, location: join(folder, `${name}.json`) }, join(folder, "cache"), clock);
  const context = (feeds: readonly Feed[], signal = new AbortController().signal): Context => {
    const parts: Pick<Context, "store" | "clock" | "log" | "feeds" | "signal" | "emit" | "suites"> = {
      store: store(),
      clock,
      log: silentLogger(),
      feeds,
      signal,
      suites: new Map(),
      emit: (event) => void events.push(event),
    };
    return { ...parts, config: { images: {}, environments: [] } } as unknown as Context;
  };
  const writeOsv = (...ids: string[]): Promise<void> => {
    const affected = [{ package: { ecosystem: "Debian:12", name: "nginx" }, versions: ["1"] }];
    const records = ids.map((id) => ({ id, modified: new Date(clock.now()).toISOString(), affected }));
    return writeFile(join(folder, "osv.json"), JSON.stringify([...records, { id: "broken" }]));
  };
  const alarms = async () => (await store().loadAlarms()).map(({ code, subject }) => `${code} ${subject}`);

  it("writes down what it saw, once for each generation", async () => {
    await writeOsv("CVE-2026-1");
    const ctx = context([feedOf("osv")]);
    expect(await watchFeeds(ctx)).toEqual({ updated: ["osv"], failed: [] });
    expect(await watchFeeds(ctx)).toEqual({ updated: [], failed: [] });
    await writeOsv("CVE-2026-1", "CVE-2026-2");
    expect(await watchFeeds(ctx)).toEqual({ updated: ["osv"], failed: [] });
    expect(await store().loadUpstreams()).toMatchObject([
      { name: "osv", kind: "feed", failures: 0, lastSuccess: clock.now() },
    ]);
    const seen = await store().loadObservations({ upstream: "osv" });
    expect(seen.map(({ detail }) => detail)).toEqual(
      expect.arrayContaining([
        { date: clock.now(), advisories: 1, bad: 1 },
        { date: clock.now(), advisories: 2, bad: 1 },
      ]),
    );
    expect(events.map(({ message }) => message)).toEqual([
      "osv: 1 advisories, 1 records set aside",
      "osv: 2 advisories, 1 records set aside",
    ]);
    expect(await alarms()).toEqual([]);
  });

  it("raises an alarm for a feed that fails, reads the others, and clears it when it comes back", async () => {
    await writeOsv("CVE-2026-1");
    await writeFile(join(folder, "debian-tracker.json"), "no JSON");
    const ctx = context([feedOf("debian-tracker"), feedOf("osv")]);
    const { updated, failed } = await watchFeeds(ctx);
    expect([updated, failed.map(({ upstream }) => upstream)]).toEqual([["osv"], ["debian-tracker"]]);
    expect(await alarms()).toEqual(["feed-failing debian-tracker"]);
    await watchFeeds(ctx);
    expect(events.filter(({ kind }) => kind === "alarm")).toHaveLength(1);
    const fixed = {
      nginx: { "CVE-2026-0001": { releases: { bookworm: { status: "resolved", fixed_version: "2" } } } },
    };
    await writeFile(join(folder, "debian-tracker.json"), JSON.stringify(fixed));
    await watchFeeds(ctx);
    expect((await alarms()).filter((one) => one.startsWith("feed-failing"))).toEqual([]);
  });

  it("raises one for a feed of which nothing new comes", async () => {
    await writeOsv("CVE-2026-1");
    const ctx = context([feedOf("osv")]);
    await watchFeeds(ctx);
    clock.advance(8 * day);
    await watchFeeds(ctx);
    expect(await alarms()).toEqual(["feed-stale osv"]);
    await rm(join(folder, "osv.json"));
    await watchFeeds(ctx);
    expect(await alarms()).toEqual(["feed-failing osv"]);
    await writeOsv("CVE-2026-1");
    await watchFeeds(ctx);
    expect(await alarms()).toEqual([]);
  });

  it("takes a feed that cannot even keep its state for one that fails", async () => {
    const feed = feedOf("osv");
    const broken: Feed = { ...feed, refresh: () => Promise.reject(new Error("the disk is full")) };
    await writeOsv("CVE-2026-1");
    expect(await watchFeeds(context([broken]))).toMatchObject({ failed: [{ message: "osv: the disk is full" }] });
    expect(await alarms()).toEqual(["feed-failing osv"]);
    const ended = AbortSignal.abort(new Error("the fleet closes"));
    await expect(watchFeeds(context([broken], ended))).rejects.toThrow("the fleet closes");
  });

  it("has the alarm of a feed that is no longer configured cleared", async () => {
    const ctx = context([feedOf("osv")]);
    await watchFeeds(ctx);
    await tendAlarms(ctx);
    expect(await alarms()).toEqual(["feed-failing osv"]);
    await tendAlarms(context([]));
    expect(await alarms()).toEqual([]);
  });
});
