import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { createFleetOperations } from "../../src/fleet-operations.ts";
import { openFleet, type Fleet } from "../../src/fleet.ts";
import {
  createRegistryClient,
  createRegistryServer,
  type RegistryClient,
  type RegistryServer,
} from "../../src/io/registry/index.ts";
import { makeImage, pushImage } from "../../src/io/registry/testdata/make-image.ts";
import { sha256, type Digest } from "../../src/lib/index.ts";
import type { CandidateOrigin } from "../../src/loop/context.ts";
import { planFleet } from "../../src/loop/plan/index.ts";
import type { Operations } from "../../src/operation/index.ts";
import { missingDocker } from "../assembly/docker-run.ts";
import { createPgliteDir } from "../fakes/stores.ts";
import { needs } from "../needs.ts";

const missing = await missingDocker();

let owner: RegistryServer;
let client: RegistryClient;
let host: string;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-bases-"));
  owner = await createRegistryServer({ dir: join(folder, "owner") });
  ({ host } = await owner.listen(0));
  client = createRegistryClient({ retries: 0 });
});
afterAll(async () => {
  await client.close();
  await owner.close();
  await rm(folder, { recursive: true, force: true });
});

/** Their image with this content, under its tag. */
async function publish(content: string): Promise<Digest> {
  const image = await makeImage([content]);
  await pushImage(client.repository(`${host}/base`), image, "1");
  return image.manifest.digest;
}

interface OpenFleet {
  readonly fleet: Fleet;
  readonly operations: Operations;
  /** Looks until a look's outcome stands: a registry tells the time in whole seconds. */
  readonly look: () => Promise<void>;
  readonly built: () => Promise<{ readonly on: Digest | undefined; readonly remedy: string; readonly digest: Digest }>;
}

async function withFleet(base: string, work: (open: OpenFleet) => Promise<void>): Promise<void> {
  await mkdir(join(folder, "web"), { recursive: true });
  await writeFile(join(folder, "web", "Dockerfile"), `FROM ${host}/base:1\nCOPY note /note\n`);
  await writeFile(join(folder, "web", "note"), "ours\n");
  const configPath = join(folder, "tidemill.yaml");
  const text = `version: 1
upstreams: {}
environments: [{ name: staging }, { name: production }]
images:
  web: { recipe: dockerfile, context: web }
bases:
  "${host}/base": { ${base} }
`;
  await writeFile(configPath, text);
  const dataDir = await createPgliteDir();
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"] };
  const fleet = await openFleet({ configPath, dataDir, env });
  try {
    const { store } = fleet.ctx;
    const operations = createFleetOperations(fleet, { env, configPath, serving: undefined });
    await work({
      fleet,
      operations,
      look: async () => {
        await operations.look({ references: [`${host}/base:1`] });
        await delay(1200);
        await operations.look({ references: [`${host}/base:1`] });
      },
      built: async () => {
        const pointer = (await store.loadPointers("web")).find(({ environment }) => environment === "production");
        const row =
          pointer?.digest === undefined || pointer.digest === null
            ? undefined
            : await store.loadImageDigest("web", pointer.digest);
        const [failed] = await store.loadLastFailures();
        if (row === undefined) throw new Error(`nothing is in production: ${failed?.lastError?.message}`);
        const { bases, remedy } = row.detail["origin"] as CandidateOrigin;
        return { on: bases[`${host}/base:1`], remedy, digest: row.digest };
      },
    });
  } finally {
    await fleet.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

describe("an image on somebody else's base", () => {
  const it = needs(missing);

  it("FAULTS 7: is built on the digest that was planned, wherever the tag moves meanwhile", async () => {
    const first = await publish("one");
    await withFleet("settle: 0s, coolDown: 0s", async ({ fleet, operations, look, built }) => {
      await operations.run({});
      expect(await built()).toMatchObject({ on: first, remedy: "rebuild" });

      const second = await publish("two");
      await look();
      await planFleet(fleet.ctx);
      const third = await publish("three");
      await look();
      await fleet.work();
      expect(await built()).toMatchObject({ on: second, remedy: "rebase" });
      const why = await operations.why({ image: "web" });
      expect(why.made).toMatchObject({ remedy: "rebase", from: [{ name: `${host}/base:1`, digest: second }] });
      expect(why.chain.map(({ cause }) => cause)).toMatchObject([{ kind: "base", from: first, to: second }]);

      await operations.run({});
      const last = await built();
      expect(last).toMatchObject({ on: third, remedy: "rebase" });

      await publish("two");
      await look();
      const { rebuilds } = await operations.run({});
      expect(rebuilds).toEqual([]);
      expect(await built()).toEqual(last);
      const status = await operations.status({});
      expect(status.alarms.map(({ code }) => code)).toContain("base-moved-back");
      const upstream = status.upstreams.find(({ kind }) => kind === "base");
      expect(upstream).toMatchObject({ name: `${host}/base:1`, state: "ok" });
      expect(upstream?.problem).toContain("is older than what it showed before");
    });
  }, 240_000);

  it("FAULTS 15: waits out the cool-down of a newer one, and says until when", async () => {
    const first = await publish("four");
    await withFleet("settle: 0s, coolDown: 3d", async ({ operations, look, built }) => {
      await operations.run({});
      await publish("five");
      await look();
      const plan = await operations.plan({});
      expect(plan.held).toMatchObject([{ image: "web", kind: "cool-down" }]);
      expect(Date.parse(plan.held[0]?.until ?? "") - Date.now()).toBeGreaterThan(2.9 * 86_400_000);
      await operations.run({});
      expect(await built()).toMatchObject({ on: first });
    });
  }, 120_000);

  it("is not moved by a base that has the same content under another digest", async () => {
    await publish("six");
    await withFleet("settle: 0s, coolDown: 0s", async ({ operations, look, built }) => {
      await operations.run({});
      const before = await built();
      const image = await makeImage(["six"]);
      const repository = client.repository(`${host}/base`);
      const noise = Buffer.from(
        JSON.stringify({
          ...(JSON.parse(Buffer.from(image.manifest.bytes).toString()) as object),
          annotations: { built: "today" },
        }),
      );
      await pushImage(repository, image);
      await repository.putManifest({ digest: sha256(noise), mediaType: image.manifest.mediaType, bytes: noise }, "1");
      await look();
      const { rebuilds } = await operations.run({});
      expect(rebuilds).toMatchObject([{ image: "web", state: "unchanged" }]);
      expect((await built()).digest).toBe(before.digest);
      expect((await operations.run({})).rebuilds).toEqual([]);
    });
  }, 120_000);
});
