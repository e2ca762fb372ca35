import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseManifest } from "../../src/core/image/index.ts";
import { collectBytes, type Digest } from "../../src/lib/index.ts";
import { makeKeys } from "../../src/io/sign/index.ts";
import { copyImage, createRegistryClient } from "../../src/io/registry/index.ts";
import { pipelineTokens } from "../fakes/fake-pipelines.ts";
import { createOwner, lookUntilSeen, smallRelease } from "../faults/owner.ts";
import { smallFleets } from "../faults/fixture.ts";
import { minute, smallPackages } from "../faults/small-fleet.ts";
import { adoptImage, openSite } from "./external-site.ts";

const fleets = smallFleets();

describe("what a pipeline gave", () => {
  it(
    "is proven by its own bytes: what has not what was asked for is asked for once more, without caches",
    { timeout: 120_000 },
    async () => {
      const made = await adoptImage(fleets, "github");
      await made.small.publish(smallPackages({ "small-gauge": "1.0-2" }));
      await made.run();
      expect(made.told(made.asked(), "no_cache")).toBe("false");
      await made.push(made.asked(), "1.0-1", { cached: "yes" });
      made.clock.jump(minute);
      await made.run();
      expect(made.fake.runs).toHaveLength(2);
      expect(made.told(made.asked(), "no_cache")).toBe("true");
      expect(made.told(made.asked(), "tag")).toMatch(/-2$/);
      const digest = await made.push(made.asked(), "1.0-2");
      made.clock.jump(minute);
      await made.run();
      expect(await made.pointer("shop")).toBe(digest);
    },
  );

  it("fails as not landed where that does not help either", { timeout: 120_000 }, async () => {
    const made = await adoptImage(fleets, "gitlab");
    await made.small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    for (const labels of [{ cached: "yes" }, { cached: "still" }]) {
      made.clock.jump(minute);
      await made.run();
      await made.push(made.asked(), "1.0-1", labels);
    }
    made.clock.jump(minute);
    await made.run();
    expect(await made.newest()).toMatchObject({ state: "failed", lastError: { code: "fix-not-landed" } });
    expect(await made.pointer("shop")).toBe(made.first);
    expect(made.fake.runs).toHaveLength(2);
  });

  it("is not new where it is the digest that there was", { timeout: 120_000 }, async () => {
    const made = await adoptImage(fleets, "http");
    await made.small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    for (let at = 0; at < 2; at += 1) {
      made.clock.jump(minute);
      await made.run();
      await made.push(made.asked(), "1.0-1");
    }
    made.clock.jump(minute);
    await made.run();
    expect(await made.newest()).toMatchObject({ state: "failed", lastError: { code: "NOTHING_NEW" } });
    expect(made.fake.runs).toHaveLength(2);
  });

  it("is unchanged where a person asked and it has the same content", { timeout: 120_000 }, async () => {
    const made = await adoptImage(fleets, "github");
    await made.operations.rebuild({ image: "shop", by: "ada", reason: "to see" });
    await made.run();
    expect(made.told(made.asked(), "reason")).toContain("ada");
    await made.push(made.asked(), "1.0-1");
    made.clock.jump(minute);
    await made.run();
    expect(await made.newest()).toMatchObject({ state: "unchanged" });
  });

  it("is refused by name where it is for other platforms", { timeout: 120_000 }, async () => {
    const made = await openSite(fleets, "github", { image: { platforms: ["linux/arm64"] } });
    await made.run();
    await made.push(made.asked(), "1.0-1");
    made.clock.jump(minute);
    await made.run();
    const failed = await made.newest();
    expect(failed).toMatchObject({ state: "failed", lastError: { code: "OTHER_PLATFORMS" } });
    expect(failed.lastError?.message).toMatch(/is for linux\/amd64, not for linux\/arm64/);
  });
});

describe("what a pipeline builds on", () => {
  it("is told by digest, moves it, and is seen in its layers", { timeout: 180_000 }, async () => {
    const owner = await createOwner();
    fleets.onEnd(() => owner.close());
    const client = createRegistryClient({ retries: 0 });
    fleets.onEnd(() => client.close());
    const gauge = (version: string) =>
      smallPackages({ "small-gauge": version }).filter(({ name }) => name === "small-gauge");
    const base = `${owner.name}:1`;
    const older = await owner.publish([...gauge("1.0-1"), smallRelease]);
    const made = await openSite(fleets, "github", {
      image: { source: { context: "shop", dockerfile: "Dockerfile" } },
      change: { bases: { [owner.name]: { settle: "0s", coolDown: "0s" } } },
    });
    await mkdir(join(made.small.folder, "shop"), { recursive: true });
    await writeFile(join(made.small.folder, "shop", "Dockerfile"), `FROM ${base}\n`);
    await lookUntilSeen(made, owner);
    /** As `FROM base` and nothing else makes it. */
    const buildOn = async (digest: Digest, tag: string): Promise<void> => {
      const repository = client.repository(made.place());
      await copyImage(client.repository(owner.name), digest, repository);
      await repository.tag(digest, tag);
    };
    await made.run();
    expect(JSON.parse(made.told(made.asked(), "bases"))).toEqual({ [base]: older });
    expect(made.told(made.asked(), "source")).toMatch(/^sha256:/);
    await buildOn(older, made.told(made.asked(), "tag"));
    made.clock.jump(1000);
    await made.run();
    expect(await made.pointer("shop")).toBe(older);

    // What came with the base waits for the base: its pipeline is not asked for nothing.
    await made.small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    made.clock.jump(1000);
    await made.run();
    expect(made.fake.runs).toHaveLength(1);
    const newer = await owner.publish([...gauge("1.0-2"), smallRelease]);
    await lookUntilSeen(made, owner);
    made.clock.jump(1000);
    await made.run();
    expect(made.fake.runs).toHaveLength(2);
    expect(JSON.parse(made.told(made.asked(), "bases"))).toEqual({ [base]: newer });
    expect(made.told(made.asked(), "reason")).toContain(owner.name);

    // A build on the older one is seen by its layers.
    const { operations } = made;
    await buildOn(newer, made.told(made.asked(), "tag"));
    made.clock.jump(1000);
    await made.run();
    expect(await made.pointer("shop")).toBe(newer);
    const why = await operations.why({ image: "shop" });
    expect(why.made?.from).toEqual([{ name: base, digest: newer }]);

    // Another file of its source is a cause, too.
    await writeFile(join(made.small.folder, "shop", "app.js"), "1\n");
    made.clock.jump(1000);
    await made.run();
    expect(made.fake.runs).toHaveLength(3);
  });
});

describe("its provenance", () => {
  it("says that the pipeline built it, by which run, and that Tidemill did not", { timeout: 180_000 }, async () => {
    const passphrase = "the passphrase of a test";
    const made = await adoptImage(fleets, "github", {
      env: { TIDEMILL_KEY_PASSPHRASE: passphrase },
      prepare: (small) => makeKeys(join(small.folder, "mill"), "ecdsa-p256", passphrase),
      change: { evidence: { key: "mill.key" } },
    });
    const provenance = async () => {
      const digest = await made.pointer("shop");
      const rows = await made.fleet.ctx.store.loadEvidence("shop", digest ?? "sha256:");
      const row = rows.find(({ predicate }) => predicate === "https://slsa.dev/provenance/v1");
      const repository = made.fleet.ctx.repositoryOf("shop");
      const raw = await repository.manifest(row?.artifact ?? "sha256:");
      const [layer] = raw === undefined ? [] : parseManifest(raw.bytes, raw.mediaType).layers;
      if (layer === undefined) throw new Error("there is no provenance");
      const bundle = await collectBytes(repository.blob(layer), 2 ** 24, "provenance");
      const { dsseEnvelope } = JSON.parse(bundle.toString()) as { dsseEnvelope: { payload: string } };
      const statement = JSON.parse(Buffer.from(dsseEnvelope.payload, "base64").toString()) as Statement;
      return statement.predicate;
    };
    expect(await provenance()).toMatchObject({ runDetails: { builder: { id: "urn:tidemill:unknown-builder" } } });

    await made.small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await made.run();
    await made.push(made.asked(), "1.0-2");
    made.clock.jump(minute);
    await made.run();
    const told = await provenance();
    const api = made.fake.api.replace("/api/v3", "");
    expect(told).toMatchObject({
      buildDefinition: {
        externalParameters: {
          recipe: "external",
          pipeline: { kind: "github", repository: "acme/shop", workflow: "build.yml", ref: "main" },
        },
        internalParameters: { builtByTidemill: false, causes: [{ kind: "package", to: "1.0-2" }] },
      },
      runDetails: {
        builder: { id: `${api}/acme/shop/.github/workflows/build.yml@main` },
        metadata: { invocationId: "https://github.example/acme/shop/actions/runs/1001" },
      },
    });
    expect(JSON.stringify(told)).not.toContain(pipelineTokens.write);
    const { checks } = await made.operations.doctor({});
    expect(checks).toContainEqual({
      name: "pipeline of shop",
      state: "warning",
      message: expect.stringMatching(/^may run build.yml of acme\/shop, but/),
      hint: expect.any(String),
    });
    expect(made.fake.runs).toHaveLength(1);
    const rows = await made.fleet.ctx.store.loadImages();
    expect(JSON.stringify(rows)).not.toContain(pipelineTokens.write);
  });
});

interface Statement {
  readonly predicate: Readonly<Record<string, unknown>>;
}
