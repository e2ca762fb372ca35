import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { findingLives, type FindingLife } from "../../core/advisory/index.ts";
import type { InstalledPackage, Inventory } from "../../core/inventory/index.ts";
import { createFeed, type Feed } from "../../io/feeds/index.ts";
import type { Lease, Store } from "../../io/store/index.ts";
import { sha256, silentLogger, type Digest } from "../../lib/index.ts";
import type { Context, LoopEvent } from "../context.ts";
import { createHolders } from "./create-holders.ts";
import { matchFindings } from "./match-findings.ts";

const minute = 60_000;

describeStores("matchFindings", ({ it, store, clock }) => {
  let folder: string;
  let events: LoopEvent[];
  beforeEach(async () => {
    events = [];
    folder = await mkdtemp(join(tmpdir(), "tidemill-match-"));
    await mkdir(join(folder, "osv"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const feedOf = (): Feed =>
    createFeed({ name: "osv", kind: "osv", location: join(folder, "osv") }, join(folder, "cache"), clock);
  const context = (feeds: readonly Feed[], of: Store = store()): Context => {
    const parts: Pick<Context, "store" | "clock" | "log" | "feeds" | "signal" | "emit"> = {
      store: of,
      clock,
      log: silentLogger(),
      feeds,
      signal: new AbortController().signal,
      emit: (event) => void events.push(event),
    };
    return { ...parts, config: { images: {}, upstreams: {}, environments: [] } } as unknown as Context;
  };
  const inject = (id: string, fixed: string | undefined, more: object = {}, name = "nginx"): Promise<void> => {
    const range = { type: "ECOSYSTEM", events: [{ introduced: "0" }, ...(fixed === undefined ? [] : [{ fixed }])] };
    const record = {
      id,
      modified: new Date(clock.now()).toISOString(),
      affected: [{ package: { ecosystem: "Debian:12", name }, ranges: [range] }],
      ...more,
    };
    return writeFile(join(folder, "osv", `${id}.json`), JSON.stringify(record));
  };
  const entry = (name: string, version: string, more: Partial<InstalledPackage> = {}): InstalledPackage => ({
    type: "deb",
    name,
    version,
    architecture: "amd64",
    source: name,
    sourceVersion: version,
    layer: sha256(name),
    ...more,
  });
  const inventory = (packages: readonly InstalledPackage[], more: Partial<Inventory> = {}): Inventory => ({
    platform: { os: "linux", architecture: "amd64" },
    os: { id: "debian", versionId: "12", codename: "bookworm", prettyName: undefined },
    packages,
    status: "complete",
    system: "complete",
    problems: [],
    ...more,
  });
  const declare = (...names: string[]): Promise<void> =>
    store().saveImages(
      names.map((name) => ({ name, repository: name, definition: {}, recipeKey: "recipe", parents: [] })),
    );
  /** Puts a digest with these packages where the image is, as a rebuild does; gives the rebuild. */
  const promote = async (
    image: string,
    held: Inventory,
    environment = "production",
    madeFrom?: string,
  ): Promise<string> => {
    const [key] = await store().saveInventories([held], madeFrom);
    if (key === undefined) throw new Error("the inventory has no key");
    const digest: Digest = sha256(`${image} ${key} ${clock.now()}`);
    await store().savePlan({
      detail: {},
      rebuilds: [
        {
          image,
          lane: "routine",
          notBefore: 0,
          recipeKey: "recipe",
          parents: [],
          causes: [{ key: digest, cause: { kind: "source", from: "a", to: digest } }],
        },
      ],
    });
    const lease = (await store().leaseRebuild({ owner: "test", leaseMs: minute, image })) as Lease;
    await store().saveCandidate(lease, {
      digest,
      platforms: ["linux/amd64"],
      inventories: { "linux/amd64": key },
      recipeKey: "recipe",
      baseDigests: [],
    });
    await store().saveVerification(lease, { digest, environment, verdict: "passed", checks: [], startedAt: 0 });
    const intent = await store().saveIntent(
      { image, environment, digest, kind: "forward", by: "tidemill", reason: "verified" },
      lease,
    );
    if (intent.kind !== "saved") throw new Error(`the intent is ${intent.kind}`);
    await store().savePromotion(intent.promotion, lease, { state: "promoted" });
    return lease.rebuild.id;
  };
  const pass = async (ctx: Context) => {
    for (const feed of ctx.feeds) await feed.refresh();
    return matchFindings(ctx);
  };
  const lives = async (image: string): Promise<Record<string, FindingLife[]>> => {
    const { environments, findings, known } = await store().loadFindingHistory(image);
    return Object.fromEntries(
      environments.map(({ environment, placements }) => [environment, findingLives({ placements, findings, known })]),
    );
  };

  it("two images that hold the same and do not say their release are matched by the release that each is of", async () => {
    const ctx = context([feedOf()]);
    await inject("CVE-2026-0001", "0.1", {}, "zlib");
    await declare("old", "new");
    const bare = inventory([entry("nginx", "1.0")], { os: undefined });
    await promote("new", bare, "production", "debian:13");
    await promote("old", bare, "production", "debian:12");
    await inject("CVE-2026-1000", "2.0");
    expect(await pass(ctx)).toMatchObject({ inventories: 2, packages: 2, opened: 1 });
    const [life, ...more] = (await lives("old"))["production"] ?? [];
    expect([life?.advisory, life?.end, more]).toEqual(["CVE-2026-1000", undefined, []]);
    expect((await lives("new"))["production"]).toEqual([]);
  });

  it("an injected record of a package that production holds is a finding at the next pass, and closed by the rebuild that cures it", async () => {
    const ctx = context([feedOf()]);
    await inject("CVE-2026-0001", "0.1", {}, "zlib");
    await declare("web");
    await promote("web", inventory([entry("nginx", "1.0"), entry("libc6", "2", { source: "glibc" })]));
    expect(await pass(ctx)).toEqual({ inventories: 1, packages: 2, opened: 0, updated: 0, ended: 0 });
    expect(await lives("web")).toEqual({ production: [] });

    clock.advance(minute);
    const detected = clock.now();
    await inject("CVE-2026-1000", undefined);
    expect(await pass(ctx)).toEqual({ inventories: 0, packages: 1, opened: 1, updated: 0, ended: 0 });
    const finding = { advisory: "CVE-2026-1000", package: "nginx", opened: detected, end: undefined };
    expect(await lives("web")).toEqual({ production: [{ ...finding, fixedSince: undefined }] });
    expect(await pass(ctx)).toEqual({ inventories: 0, packages: 0, opened: 0, updated: 0, ended: 0 });

    clock.advance(minute);
    const fixedSince = clock.now();
    await inject("CVE-2026-1000", "1.1");
    expect(await pass(ctx)).toMatchObject({ packages: 1, opened: 0, updated: 1 });
    expect(await lives("web")).toEqual({ production: [{ ...finding, fixedSince }] });

    clock.advance(minute);
    const cured = clock.now();
    const rebuild = await promote("web", inventory([entry("nginx", "1.1")]));
    // Nobody has compared what runs now: until then nothing is closed.
    expect(await lives("web")).toEqual({ production: [{ ...finding, fixedSince }] });
    await pass(ctx);
    const end = { kind: "replaced", at: cured, rebuild };
    expect(await lives("web")).toEqual({ production: [{ ...finding, fixedSince, end }] });

    clock.advance(minute);
    const back = clock.now();
    await promote("web", inventory([entry("nginx", "1.0"), entry("curl", "1")]));
    await pass(ctx);
    expect((await lives("web"))["production"]).toEqual([
      { ...finding, fixedSince, end },
      { ...finding, opened: back, fixedSince },
    ]);
    expect(await store().loadAffected("CVE-2026-1000")).toMatchObject([{ image: "web", environment: "production" }]);
    expect(events.map(({ message }) => message)).toEqual(["CVE-2026-1000 is new: web in production"]);
  });

  it("is ended by a withdrawal, with that kind, and by a record that no longer names the version", async () => {
    const ctx = context([feedOf()]);
    await inject("CVE-2026-1", "2");
    await inject("CVE-2026-2", "2");
    await inject("GHSA-aaaa-bbbb-cccc", "2", { aliases: ["CVE-2026-3"] });
    await declare("web");
    await promote("web", inventory([entry("nginx", "1.0")]));
    expect(await pass(ctx)).toMatchObject({ opened: 3 });
    clock.advance(minute);
    const at = clock.now();
    await inject("CVE-2026-1", "0.5");
    await inject("GHSA-aaaa-bbbb-cccc", "2", { aliases: ["CVE-2026-3"], withdrawn: new Date(at).toISOString() });
    expect(await pass(ctx)).toMatchObject({ ended: 2, opened: 0 });
    const ends = (await lives("web"))["production"]?.map(({ advisory, end }) => [advisory, end]);
    expect(ends).toEqual([
      ["CVE-2026-1", { kind: "changed", at }],
      ["CVE-2026-2", undefined],
      ["GHSA-aaaa-bbbb-cccc", { kind: "withdrawn", at }],
    ]);
  });

  it("is one finding whatever records name it, and is found by each of its names", async () => {
    const ctx = context([feedOf()]);
    await inject("GHSA-aaaa-bbbb-cccc", "2");
    await declare("web");
    await promote("web", inventory([entry("nginx", "1.0")]));
    await pass(ctx);
    const opened = clock.now();
    clock.advance(minute);
    await inject("CVE-2026-1", "2", { aliases: ["GHSA-aaaa-bbbb-cccc"] });
    expect(await pass(ctx)).toMatchObject({ opened: 0, updated: 1, ended: 0 });
    expect((await lives("web"))["production"]).toMatchObject([{ opened, end: undefined }]);
    for (const id of ["CVE-2026-1", "GHSA-aaaa-bbbb-cccc"])
      expect(await store().loadAffected(id)).toMatchObject([{ image: "web" }]);
    expect(await store().loadAffected("CVE-2026-2")).toEqual([]);
  });

  it("never ends by a feed that fails, is damaged or says nothing of the release any more, nor by an image that could not be read", async () => {
    const feed = feedOf();
    const ctx = context([feed]);
    await inject("CVE-2026-1", "2");
    await declare("web");
    await promote("web", inventory([entry("nginx", "1.0")]));
    await pass(ctx);
    const open = [{ advisory: "CVE-2026-1", end: undefined }];
    await rm(join(folder, "osv"), { recursive: true });
    expect(await pass(ctx)).toMatchObject({ ended: 0 });
    await mkdir(join(folder, "osv"));
    const elsewhere = { affected: [{ package: { ecosystem: "Debian:11", name: "nginx" }, versions: ["1.0"] }] };
    await inject("CVE-2026-1", "2", elsewhere);
    expect(await pass(ctx)).toMatchObject({ packages: 1, ended: 0 });
    await feed.discard();
    expect(await matchFindings(ctx)).toMatchObject({ packages: 0, ended: 0 });
    expect((await lives("web"))["production"]).toMatchObject(open);

    await inject("CVE-2026-1", "2");
    await pass(ctx);
    clock.advance(minute);
    await promote("web", inventory([], { status: "unknown", problems: ["var/lib/dpkg/status: it is cut off"] }));
    await pass(ctx);
    expect((await lives("web"))["production"]).toMatchObject(open);
  });

  it("looks a package up once for all images that hold it, and only at what a new inventory brings", async () => {
    const ctx = context([feedOf()]);
    await inject("CVE-2026-1", "2");
    await declare("one", "two", "three");
    const shared = inventory([entry("nginx", "1.0"), entry("nginx", "1.0", { architecture: "arm64" })]);
    await promote("one", shared);
    await promote("two", shared);
    expect(await pass(ctx)).toMatchObject({ inventories: 1, packages: 1, opened: 1 });
    await promote("three", inventory([entry("nginx", "1.0"), entry("curl", "8")]), "staging");
    expect(await pass(ctx)).toMatchObject({ inventories: 1, packages: 1, opened: 0 });
    const affected = await store().loadAffected("CVE-2026-1");
    expect(affected.map(({ image, environment }) => `${image} ${environment}`)).toEqual([
      "one production",
      "three staging",
      "two production",
    ]);
  });

  it("knows who holds a package as environments move, and after the database was restored", async () => {
    const ctx = context([feedOf()]);
    await inject("CVE-2026-1", "2");
    await declare("one", "two");
    await promote("one", inventory([entry("nginx", "1.0")]));
    await pass(ctx);
    const [nginx] = await store().loadPackagesOfKeys([{ ecosystem: "debian:12", name: "nginx" }]);
    const holders = createHolders(store());
    const found = async () => (await holders.find([nginx?.id ?? 0])).map(({ image }) => image).sort();
    expect(await found()).toEqual(["one"]);
    clock.advance(minute);
    await promote("two", inventory([entry("nginx", "1.0"), entry("curl", "1")]));
    await pass(ctx);
    expect(await found()).toEqual(["one", "two"]);
    clock.advance(minute);
    await promote("one", inventory([entry("curl", "1")]));
    await pass(ctx);
    expect(await found()).toEqual(["two"]);
    const session = await store().engine.acquire();
    await session.query("update pointer set since = since - interval '1 day'");
    await session.query("delete from pointer where image = 'two'");
    await store().engine.release(session);
    expect(await found()).toEqual([]);
    expect(await holders.find([])).toEqual([]);
  });

  it("says the same when it was stopped anywhere and is run again", async () => {
    const ctx = context([feedOf()]);
    await declare("web");
    for (let at = 0; at < 5; at += 1) await inject(`CVE-2026-${at}`, "2", {}, `part-${at}`);
    await promote("web", inventory(Array.from({ length: 5 }, (_, at) => entry(`part-${at}`, "1"))));
    await pass(ctx);
    const opened = clock.now();
    for (let stopAt = 1; stopAt < 12; stopAt += 1) {
      clock.advance(minute);
      let calls = 0;
      const dying = new Proxy(store(), {
        get: (target, name) => {
          const value = Reflect.get(target, name) as unknown;
          if (typeof value !== "function") return value;
          return (...given: unknown[]): unknown => {
            calls += 1;
            if (calls === stopAt) throw new Error("killed");
            return Reflect.apply(value, target, given) as unknown;
          };
        },
      });
      await inject(`CVE-2026-1${stopAt}`, "2", {}, "part-0");
      for (const feed of ctx.feeds) await feed.refresh();
      await matchFindings(context(ctx.feeds, dying)).catch((error: unknown) => {
        if (!(error instanceof Error) || error.message !== "killed") throw error;
      });
      await matchFindings(ctx);
      const found = (await lives("web"))["production"] ?? [];
      expect(found).toHaveLength(5 + stopAt);
      expect(found.filter((one) => one.opened === opened)).toHaveLength(5);
    }
  });
});
