import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFleetOperations } from "../../src/fleet-operations.ts";
import { openFleet, type Fleet } from "../../src/fleet.ts";
import { createArchiveServer, shippedArchive, type ArchiveServer } from "../../src/io/distro/index.ts";
import type { Operations } from "../../src/operation/index.ts";
import { tideConfig } from "./run-quickstart.ts";

const published = Date.now() - 3_600_000;

/** A record in OSV's shape for the made-up archive, whose os-release says `ID=tide` and `VERSION_ID="1"`. */
function record(id: string, source: string, fixed: string, more: object = {}): object {
  const range = { type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed }] };
  return {
    schema_version: "1.7.0",
    id,
    published: new Date(published).toISOString(),
    modified: new Date(published).toISOString(),
    summary: "made up",
    affected: [{ package: { ecosystem: "Tide:1", name: source }, ranges: [range] }],
    ...more,
  };
}

let folder: string;
let archive: ArchiveServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-feeds-"));
  archive = await createArchiveServer(shippedArchive);
});
afterAll(async () => {
  await archive.close();
  await rm(folder, { recursive: true, force: true });
});

async function openTide(
  name: string,
  feeds: { readonly osv?: string },
): Promise<{ fleet: Fleet; operations: Operations }> {
  const env = { TIDEMILL_TIDE_MIRROR: archive.url };
  const dataDir = join(folder, name);
  const adjust = (config: Fleet["ctx"]["config"]) => ({
    ...config,
    feeds,
    images: Object.fromEntries(Object.entries(config.images).map(([image, one]) => [image, { ...one, checks: [] }])),
  });
  const fleet = await openFleet({ configPath: tideConfig, dataDir, env, adjust });
  return { fleet, operations: createFleetOperations(fleet, { env, configPath: tideConfig, serving: undefined }) };
}

/** Only the release: the morning before the advisory. */
function day0({ ctx }: Fleet) {
  return { suites: new Map([...ctx.suites].map(([name, sources]) => [name, sources.slice(0, 1)])) };
}

async function exposureOf(operations: Operations, image: string) {
  const status = await operations.status({});
  const place = status.images
    .find(({ name }) => name === image)
    ?.environments.find(({ name }) => name === "production");
  return place?.exposure;
}

describe("a fleet with an advisory feed", () => {
  it("is exposed until the fix is in production, and says whose word it was", async () => {
    const feed = join(folder, "osv");
    await mkdir(feed);
    const vector = [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }];
    const tables = record("TIDE-2099-1", "libtide", "1.0-1+tide1", { aliases: ["CVE-2099-0001"], severity: vector });
    await writeFile(join(feed, "TIDE-2099-1.json"), JSON.stringify(tables));
    await writeFile(join(feed, "TIDE-2099-2.json"), JSON.stringify(record("TIDE-2099-2", "tide-gauge", "0.9-1")));
    await writeFile(join(feed, "TIDE-2099-3.json"), '{"id": "TIDE-2099-3", "modified": 1e999, "__proto__": 1}');
    const { fleet, operations } = await openTide("with", { osv: feed });
    try {
      await fleet.pass({}, day0(fleet));
      const before = await operations.status({});
      expect(before.advisories).toMatchObject({ state: "current", reason: null });
      expect(before.alarms).toEqual([]);
      expect(before.upstreams.find(({ name }) => name === "osv")).toMatchObject({ kind: "feed", state: "ok" });
      for (const image of ["tide-base", "tide-app"])
        expect(await exposureOf(operations, image)).toMatchObject({ state: "open", advisories: ["CVE-2099-0001"] });
      // Without os-release, of an archive that is not Debian's, nobody can say which release it is.
      const unknown = { state: "unknown", advisories: [], since: null };
      expect(await exposureOf(operations, "tide-alone")).toEqual(unknown);

      const { plan } = await fleet.pass();
      const planned = plan.waves.flat().map(({ image, lane }) => [image, lane]);
      expect(planned).toEqual([
        ["tide-base", "urgent"],
        ["tide-app", "urgent"],
      ]);
      for (const image of ["tide-base", "tide-app"])
        expect(await exposureOf(operations, image)).toEqual({ state: "none", advisories: [], since: null });
      const why = await operations.why({ image: "tide-app" });
      expect(why.advisories).toEqual([
        {
          id: "CVE-2099-0001",
          source: "feed",
          package: "libtide",
          from: "1.0-1",
          to: "1.0-1+tide1",
        },
      ]);

      await rm(feed, { recursive: true });
      await fleet.pass();
      const after = await operations.status({});
      expect(after.alarms.map(({ code, subject }) => [code, subject])).toEqual([["feed-failing", "osv"]]);
      expect(after.advisories.state).toBe("stale");
      expect(await exposureOf(operations, "tide-app")).toMatchObject({ state: "unknown", advisories: [] });
    } finally {
      await fleet.close();
    }
  });

  it("knows nothing without one, and says that only a changelog speaks", async () => {
    const { fleet, operations } = await openTide("without", {});
    try {
      await fleet.pass({}, day0(fleet));
      await fleet.pass();
      expect((await operations.status({})).advisories).toEqual({ state: "unknown", reason: "no feed", asOf: null });
      expect(await exposureOf(operations, "tide-app")).toEqual({ state: "unknown", advisories: [], since: null });
      const { advisories } = await operations.why({ image: "tide-app" });
      expect(advisories).toMatchObject([{ id: "CVE-2099-0001", source: "changelog" }]);
    } finally {
      await fleet.close();
    }
  });
});
