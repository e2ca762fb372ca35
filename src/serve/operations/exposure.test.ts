import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { createFeed, type Feed } from "../../io/feeds/index.ts";
import type { Context } from "../../loop/context.ts";
import { tendExposures } from "../../loop/expose/index.ts";
import { matchFindings } from "../../loop/match/index.ts";
import { watchFeeds } from "../../loop/watch/watch-feeds.ts";
import { operations, type Status } from "../../operation/index.ts";
import { createStatus } from "./status.ts";
import {
  createTestContext,
  declareFleet,
  openTestRegistry,
  packageCause,
  release,
  startRebuild,
  type TestRegistry,
} from "./testdata/test-fleet.ts";

const answerer = { version: "1", server: () => null };
const minute = 60_000;
const day = 24 * 60 * minute;

describeStores("exposure", ({ it, store, clock }) => {
  let registry: TestRegistry;
  let number = 0;
  let folder: string;
  beforeAll(async () => {
    registry = await openTestRegistry();
  });
  afterAll(() => registry.close());
  beforeEach(() => {
    folder = join(registry.folder, `feed-${(number += 1)}`);
  });

  const at = (ago: number): string => new Date(clock.now() - ago).toISOString();
  const record = (id: string, fixed: string | undefined, more: object = {}): object => {
    const events = [{ introduced: "0" }, ...(fixed === undefined ? [] : [{ fixed }])];
    const affected = [{ package: { ecosystem: "Debian:12", name: "nginx" }, ranges: [{ type: "ECOSYSTEM", events }] }];
    return { id, modified: at(minute), affected, ...more };
  };
  const write = async (...records: object[]): Promise<void> => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    for (const [place, one] of records.entries()) await writeFile(join(folder, `${place}.json`), JSON.stringify(one));
  };
  const newFeed = (): Feed => createFeed({ name: "osv", kind: "osv", location: folder }, `${folder}-cache`, clock);
  const open = async (feeds: readonly Feed[] = [newFeed()]): Promise<Context> => {
    const ctx = createTestContext(store(), clock, registry, { feeds });
    await declareFleet(ctx);
    return ctx;
  };
  const ask = async (ctx: Context): Promise<Status> =>
    operations.status.output.parse(await createStatus(ctx, answerer)({}));
  const exposures = async (ctx: Context) =>
    (await ask(ctx)).images.find(({ name }) => name === "web")?.environments.map(({ exposure }) => exposure);
  const held = (nginx: string) => ({ "base-files": "12.4", nginx });

  it("is open for what the feed finds in what runs, and none once it is gone", async () => {
    const ctx = await open();
    await write(
      record("CVE-2026-1", "1.1", { published: at(3 * day) }),
      record("DSA-2-1", "1.0", { upstream: ["CVE-2026-2"] }),
      record("CVE-2025-7", undefined, { affected: [] }),
    );
    await watchFeeds(ctx);
    await release(ctx, "web", held("1.0"));
    const since = at(0);
    const open1 = { state: "open", advisories: ["CVE-2026-1"], since };
    expect(await exposures(ctx)).toEqual([open1, open1]);
    clock.advance(minute);
    expect(await exposures(ctx)).toEqual([open1, open1]);
    await release(ctx, "web", held("1.1"), [packageCause("nginx", "1.0", "1.1")]);
    const none = { state: "none", advisories: [], since: null };
    expect(await exposures(ctx)).toEqual([none, none]);

    await write(record("CVE-2026-3", "1.2"), record("CVE-2020-1", undefined));
    await watchFeeds(ctx);
    expect((await exposures(ctx))?.[1]).toEqual({
      state: "open",
      advisories: ["CVE-2026-3", "CVE-2020-1"],
      since: null,
    });
  });

  it("is unknown without a feed, whatever a changelog says", async () => {
    const ctx = await open([]);
    await release(ctx, "web", held("1.0"));
    await startRebuild(ctx, "web", [packageCause("nginx", "1.0", "1.1", { advisories: ["CVE-2026-1"] })]);
    expect((await exposures(ctx))?.map(({ state }) => state)).toEqual(["unknown", "unknown"]);
    expect((await ask(ctx)).advisories).toEqual({ state: "unknown", reason: "no feed", asOf: null });
    expect((await ask(ctx)).worst).toEqual({ state: "unknown", reason: "no feed", exposure: null });
  });

  it("names the worst: the more severe, then production before staging, and none only while feeds are young", async () => {
    const ctx = await open();
    const severe = (id: string, severity: string) => record(id, "1.1", { database_specific: { severity } });
    await write(severe("CVE-2026-1", "LOW"), severe("CVE-2026-2", "CRITICAL"));
    await watchFeeds(ctx);
    await release(ctx, "web", held("1.0"));
    const expose = async () => {
      await matchFindings(ctx);
      await tendExposures(ctx);
      return (await ask(ctx)).worst;
    };
    const since = at(0);
    expect(await expose()).toMatchObject({
      state: "open",
      exposure: { image: "web", environment: "production", advisory: "CVE-2026-2", severity: "critical", since },
    });
    expect(operations.status.output.parse(await createStatus(ctx, answerer)({ image: "base" })).worst.state).toBe(
      "none",
    );
    await release(ctx, "web", held("1.1"), [packageCause("nginx", "1.0", "1.1")]);
    expect(await expose()).toEqual({ state: "none", reason: null, exposure: null });
    clock.advance(61 * minute);
    expect((await ask(ctx)).worst).toMatchObject({ state: "unknown", exposure: null });
  });

  it("goes by the upstream where the image has no os-release, and is unknown where the feed does not know its release", async () => {
    const ctx = await open();
    await write(record("CVE-2026-1", "0.9"));
    await watchFeeds(ctx);
    await release(ctx, "web", { nginx: "1.0" });
    expect((await exposures(ctx))?.[1]?.state).toBe("none");
    const { upstreams } = ctx.config;
    const debian = upstreams["debian"];
    if (debian === undefined) throw new Error("there is no upstream");
    const own = { ...ctx, config: { ...ctx.config, upstreams: { debian: { ...debian, codename: "tide" } } } };
    expect((await exposures(own))?.[1]).toEqual({ state: "unknown", advisories: [], since: null });
    await release(ctx, "web", held("1.0"), [packageCause("nginx", "1.0", "1.1")]);
    expect((await exposures(own))?.[1]?.state).toBe("none");
    await write(
      record("CVE-2026-1", "1", {
        affected: [{ package: { ecosystem: "Debian:11", name: "nginx" }, versions: ["1"] }],
      }),
    );
    await watchFeeds(ctx);
    expect((await exposures(ctx))?.[1]?.state).toBe("unknown");
  });

  it("is never none by a feed that was not read lately, is old or fails; what it names stays open", async () => {
    const ctx = await open();
    const states = async () => {
      const { advisories, images, upstreams, alarms } = await ask(ctx);
      const open1 = images.find(({ name }) => name === "web")?.environments[1]?.exposure.state;
      const feed = upstreams.find(({ name }) => name === "osv");
      return [advisories.state, open1, feed?.state, alarms.map(({ code }) => code).join()];
    };
    await release(ctx, "web", held("1.0"));
    expect(await states()).toEqual(["unknown", "unknown", "unseen", ""]);
    await watchFeeds(ctx);
    expect(await states()).toEqual(["unknown", "unknown", "failing", "feed-failing"]);
    await write(record("CVE-2026-1", "1.0"));
    await watchFeeds(ctx);
    expect(await states()).toEqual(["current", "none", "ok", ""]);
    clock.advance(61 * minute);
    expect(await states()).toEqual(["stale", "unknown", "stale", ""]);
    clock.advance(8 * day);
    await watchFeeds(ctx);
    expect(await states()).toEqual(["stale", "unknown", "stale", "feed-stale"]);
    expect((await ask(ctx)).advisories.reason).toBe("osv: its newest entry is 8 days old");
    await write(record("CVE-2026-1", "1.1"));
    await watchFeeds(ctx);
    expect(await states()).toEqual(["current", "open", "ok", ""]);
    await rm(folder, { recursive: true });
    await watchFeeds(ctx);
    expect(await states()).toEqual(["stale", "open", "failing", "feed-failing"]);
  });

  it("looks an inventory up once for each generation of the feed", async () => {
    const ctx = await open();
    await write(record("CVE-2026-1", "1.1"));
    await watchFeeds(ctx);
    await release(ctx, "web", held("1.0"));
    let loads = 0;
    const counted = new Proxy(store(), {
      get: (target, name) => {
        if (name === "loadInventories") loads += 1;
        return Reflect.get(target, name) as unknown;
      },
    });
    const watched = { ...ctx, store: counted };
    for (let round = 0; round < 3; round += 1) expect((await exposures(watched))?.[1]?.state).toBe("open");
    expect(loads).toBe(1);
    await write(record("CVE-2026-1", "0.9"));
    await watchFeeds(ctx);
    expect((await exposures(watched))?.[1]?.state).toBe("none");
    expect(loads).toBe(2);
  });
});
