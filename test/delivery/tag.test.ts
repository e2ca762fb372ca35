import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createRegistryClient, createRegistryServer, type Repository } from "../../src/io/registry/index.ts";
import { sha256, type Digest } from "../../src/lib/index.ts";
import { keepingTag } from "../../src/loop/context.ts";
import { smallFleets, type Started } from "../faults/fixture.ts";
import { expectInvariants } from "../faults/invariants.ts";
import { smallPackages, type Change } from "../faults/small-fleet.ts";

const fleets = smallFleets();

interface Mirrored extends Started {
  /** Where something else looks. */
  readonly there: Repository;
  readonly tagThere: () => Promise<Digest | undefined>;
  readonly publish: (version: string) => Promise<void>;
}

/** A fleet whose production is also a tag in another registry. */
async function start(change: (host: string) => Change = () => ({})): Promise<Mirrored> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-tag-"));
  fleets.onEnd(() => rm(folder, { recursive: true, force: true }));
  const registry = await createRegistryServer({ dir: folder });
  fleets.onEnd(() => registry.close());
  const { host } = await registry.listen(0);
  const client = createRegistryClient();
  fleets.onEnd(() => client.close());
  const there = client.repository(`${host}/shop/small-alone`);
  const tag = { to: `${host}/shop/{image}`, tag: "stable" };
  const small = await fleets.create({
    deployments: { mirror: { environment: "production", images: ["small-alone"], tag } },
    ...change(host),
  });
  const started = await fleets.open(small);
  return {
    ...started,
    there,
    tagThere: async () => (await there.resolve("stable"))?.digest,
    publish: (version) => small.publish(smallPackages({ "small-gauge": version })),
  };
}

/** An artifact that names a digest, as a signature does. */
async function attach(repository: Repository, subject: Digest): Promise<Digest> {
  const named = await repository.resolve(subject);
  const empty = Buffer.from("{}");
  const config = { mediaType: "application/vnd.oci.empty.v1+json", digest: sha256(empty), size: empty.length };
  await repository.putBlob(config, async function* () {
    yield empty;
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = {
    schemaVersion: 2,
    mediaType,
    artifactType: "text/plain",
    config,
    layers: [config],
    subject: named,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = sha256(bytes);
  await repository.putReferrer({ digest, mediaType, bytes });
  return digest;
}

describe("a tag in another registry", () => {
  it(
    "names what the environment names: the same digest, with its evidence, and kept from being collected",
    { timeout: 180_000 },
    async () => {
      const started = await start();
      const { run, pointer, there, tagThere, publish, fleet } = started;
      await run();
      const first = await pointer("small-alone");
      expect(await tagThere()).toBe(first);
      if (first === undefined) throw new Error("nothing runs");
      expect((await there.resolve(keepingTag(first)))?.digest).toBe(first);
      await publish("1.0-2");
      // What is attached before it is deployed comes with it.
      const { repositoryOf } = fleet.ctx;
      await started.operations.hold({ image: "small-alone", environment: "production", by: "ada", reason: "later" });
      await run();
      const next = (await pointer("small-alone", "staging")) ?? first;
      expect(await tagThere()).toBe(first);
      const signature = await attach(repositoryOf("small-alone"), next);
      await started.operations.resume({ image: "small-alone", environment: "production", by: "ada", reason: "now" });
      started.clock.jump(120_000);
      await run();
      expect(await tagThere()).toBe(next);
      expect((await there.referrers(next)).map(({ digest }) => digest)).toEqual([signature]);
      await expectInvariants(started);
    },
  );

  it("goes back with the environment", { timeout: 180_000 }, async () => {
    const { run, pointer, tagThere, publish, operations } = await start();
    await run();
    const first = await pointer("small-alone");
    await publish("1.0-2");
    await run();
    expect(await tagThere()).not.toBe(first);
    await operations.rollback({ image: "small-alone", environment: "production", by: "ada", reason: "it is slow" });
    // Where no server runs, whoever asks does it.
    expect(await tagThere()).toBe(first);
  });

  it("that somebody else moves is obeyed or left alone", { timeout: 180_000 }, async () => {
    const { run, pointer, there, tagThere, publish, operations, alarms } = await start();
    await run();
    const first = await pointer("small-alone");
    await publish("1.0-2");
    await run();
    const second = await pointer("small-alone");
    if (first === undefined || second === undefined) throw new Error("nothing runs");
    const foreign = await attach(there, second);
    await there.tag(foreign, "stable");
    await run();
    expect(await tagThere()).toBe(foreign);
    expect(await alarms()).toMatchObject([{ code: "deploy-conflict", subject: "small-alone in mirror" }]);
    const ask = { image: "small-alone", environment: "production", by: "ada", reason: "it is ours" };
    expect(await operations.deploy(ask)).toMatchObject({ kind: "asked", deployments: [{ runs: true }] });
    expect(await tagThere()).toBe(second);

    await there.tag(first, "stable");
    await run();
    expect([await tagThere(), await pointer("small-alone")]).toEqual([first, first]);
    expect((await operations.status({})).holds).toMatchObject([{ setBy: "person", by: "somebody, at mirror" }]);
  });

  it("may be in another repository of the same registry", { timeout: 180_000 }, async () => {
    const { run, pointer, tagThere, there } = await start((host) => ({
      registry: { url: host, insecure: true },
      deployments: {
        mirror: {
          environment: "production",
          images: ["small-alone"],
          tag: { to: `${host}/shop/{image}`, tag: "stable" },
        },
      },
    }));
    await run();
    const first = await pointer("small-alone");
    expect(await tagThere()).toBe(first);
    expect(await there.manifest("stable")).toMatchObject({ digest: first });
  });

  it("whose registry is away is told of, and nothing goes back for it", { timeout: 180_000 }, async () => {
    const { run, pointer, alarms, operations } = await start(() => ({
      deployments: {
        mirror: { environment: "production", images: ["small-alone"], tag: { to: "127.0.0.1:9/shop/web" } },
      },
    }));
    await run();
    expect(await pointer("small-alone")).toBeDefined();
    expect(await alarms()).toMatchObject([{ code: "deploy-stuck" }]);
    expect((await operations.status({})).quarantines).toEqual([]);
  });
});
