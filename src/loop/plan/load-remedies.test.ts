import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { createFeed } from "../../io/feeds/index.ts";
import {
  createTestContext,
  declareFleet,
  finishBuild,
  firstCause,
  openTestRegistry,
  promote,
  pushImage,
  startRebuild,
  testConfig,
  type TestRegistry,
} from "../../serve/operations/testdata/test-fleet.ts";
import type { Context } from "../context.ts";
import { proposeRemedies } from "./plan-fleet.ts";

describeStores("the remedy of somebody else's image", ({ it, store, clock }) => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await openTestRegistry();
  });
  afterAll(() => registry.close());

  /** An image that mirrors `third` as it was, which is touched; `third` as its tag shows it now holds `newest`. */
  const mirrored = async (newest: Readonly<Record<string, string>> | undefined): Promise<Context> => {
    const from = `${registry.host}/third:1`;
    const images = `images:\n  third: { recipe: upstream, from: "${from}", patch: none, repository: mirror/third }\n`;
    const config = testConfig((text) => `${text.slice(0, text.indexOf("images:"))}${images}`);
    const feed = join(registry.folder, "osv");
    await mkdir(feed, { recursive: true });
    const affected = [
      {
        package: { ecosystem: "Debian:12", name: "openssl" },
        ranges: [{ type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed: "3.0.15-1" }] }],
      },
    ];
    const modified = new Date(clock.now()).toISOString();
    await writeFile(join(feed, "CVE-2099-0001.json"), JSON.stringify({ id: "CVE-2099-0001", modified, affected }));
    const osv = createFeed({ name: "osv", kind: "osv", location: feed }, join(registry.folder, "feeds"), clock);
    await osv.refresh();
    const plain = createTestContext(store(), clock, registry, { config, feeds: [osv] });
    const third = registry.client.repository(`${registry.host}/third`);
    const old = { "base-files": "12", openssl: "3.0.9-1" };
    const was = await pushImage(third, old);
    const is = newest === undefined ? was : await pushImage(third, newest);
    const shown = { digest: is, tag: "1", since: clock.now() };
    const ctx: Context = {
      ...plain,
      believedBases: () => Promise.resolve(new Map([[from, { name: from, believed: shown, pending: undefined }]])),
    };
    await declareFleet(ctx);
    const lease = await startRebuild(ctx, "third", [firstCause]);
    const origin = { remedy: "mirror", why: "its owner's image, as it is", bases: { [from]: was } };
    const digest = await finishBuild(ctx, lease, old, { origin });
    for (const { name } of config.environments) await promote(ctx, lease, digest, name);
    return ctx;
  };
  const remedyOf = async (ctx: Context) => (await proposeRemedies(ctx)).remedies[0]?.findings[0]?.remedy;

  const rebuilt = (version: string | undefined) => ({ kind: "rebuild", image: "third", offered: { version } });
  const waiting = (reason: RegExp) => ({
    kind: "wait-upstream",
    reason: expect.stringMatching(reason) as string,
  });
  for (const [what, newest, expected] of [
    ["is proven where its newest digest holds the cure", { openssl: "3.0.15-1" }, rebuilt("3.0.15-1")],
    ["is proven where the package is gone from its newest digest", { "base-files": "12.1" }, rebuilt(undefined)],
    [
      "waits where the newest is touched too",
      { openssl: "3.0.10-1" },
      waiting(/third:1, whose newest digest has 3\.0\.10-1/),
    ],
    ["waits where it has not moved", undefined, waiting(/third:1, which has not moved/)],
  ] as const)
    it(what, async () => {
      const ctx = await mirrored(newest === undefined ? undefined : { "base-files": "12", ...newest });
      expect(await remedyOf(ctx)).toMatchObject(expected);
    });

  it("waits where what the newest holds cannot be read", async () => {
    const ctx = await mirrored({ "base-files": "12", openssl: "3.0.16-1" });
    const nowhere = registry.client.repository(`${registry.host}/nowhere`);
    expect(await remedyOf({ ...ctx, baseRepository: () => nowhere })).toMatchObject(waiting(/is not known/));
  });
});
