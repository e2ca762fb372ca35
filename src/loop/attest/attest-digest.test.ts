import { generateKeyPairSync, sign } from "node:crypto";
import { afterAll, beforeAll, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { publicPem, readTrustedKey } from "../../core/signature/index.ts";
import { formatPlatform, mediaTypes } from "../../core/image/index.ts";
import { readInventory } from "../../core/inventory/index.ts";
import { readEvidence, signerOfEvidence, type Signer } from "../../io/sign/index.ts";
import { sha256, type Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";
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
import { attestDigest } from "./index.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await openTestRegistry();
});
afterAll(() => registry.close());

function makeSigner(): Signer {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const pem = publicPem(privateKey);
  const key = readTrustedKey(pem);
  if (typeof key === "string") throw new Error(key);
  return { key, pem, sign: (data) => Promise.resolve(sign("sha256", data, privateKey)) };
}

const stopped = new Error("the process ended here");
let run = 0;

describeStores("attestDigest", ({ it, store, clock }) => {
  const signal = new AbortController().signal;

  /** A context that dies at the `dies`-th thing that it does to registry or store, and a digest that has passed in staging. */
  async function prepare(): Promise<{ contextOf: (dies: number) => Context; digest: Digest; done: () => number }> {
    run += 1;
    const config = testConfig((text) => `${text.replace("team/web", `team/web-${run}`)}evidence: { key: a.key }\n`);
    const signer = makeSigner();
    if (config.evidence === undefined) throw new Error("there are no rules");
    const evidence = {
      rules: config.evidence,
      verifier: { id: "urn:test", version: "1" },
      signer: () => Promise.resolve(signer),
      keys: () => Promise.resolve({ trusted: [signer.key], revoked: [] }),
    };
    const whole = createTestContext(store(), clock, registry, { config, evidence });
    await declareFleet(whole);
    const lease = await startRebuild(whole, "web", [firstCause]);
    const digest = await finishBuild(whole, lease, { "base-files": `12.${run}`, nginx: "1" });
    await promote(whole, lease, digest, "staging");
    // The next one of its image is to be free.
    await store().saveRebuild(lease, { state: "superseded" });
    let count = 0;
    const contextOf = (dies: number): Context => {
      count = 0;
      const before = new Set(["putReferrer", "putManifest", "tag", "saveEvidence", "saveEvidenceAttached"]);
      const mortal = <T extends object>(target: T): T =>
        new Proxy(target, {
          get: (of, name) => {
            const value = Reflect.get(of, name) as unknown;
            if (typeof value !== "function" || !before.has(String(name))) return value;
            return async (...args: unknown[]) => {
              if ((count += 1) === dies) throw stopped;
              const answer: unknown = await Reflect.apply(value, of, args);
              if ((count += 1) === dies) throw stopped;
              return answer;
            };
          },
        });
      return { ...whole, store: mortal(whole.store), repositoryOf: (image) => mortal(whole.repositoryOf(image)) };
    };
    return { contextOf, digest, done: () => count };
  }

  it("leaves each piece once, wherever it was stopped before", async () => {
    const { contextOf, digest, done } = await prepare();
    await attestDigest(contextOf(0), "web", digest, "staging", signal);
    const steps = done();
    expect(steps).toBeGreaterThan(20);
    const whole = await contextOf(0).repositoryOf("web").referrers(digest);
    expect(whole).toHaveLength(7);
    for (let dies = 1; dies <= steps; dies += 3) {
      const again = await prepare();
      await expect(attestDigest(again.contextOf(dies), "web", again.digest, "staging", signal)).rejects.toBe(stopped);
      await attestDigest(again.contextOf(0), "web", again.digest, "staging", signal);
      const repository = again.contextOf(0).repositoryOf("web");
      expect(await repository.referrers(again.digest), `stopped at ${dies}`).toHaveLength(7);
      const list = await repository.manifest(`${again.digest.replace(":", "-")}.sig`);
      expect((JSON.parse(Buffer.from(list?.bytes ?? []).toString()) as { layers: unknown[] }).layers).toHaveLength(1);
    }
  });

  it("finds in the registry what the state has lost, and adds nothing; what the registry lost it makes anew", async () => {
    const { contextOf, digest } = await prepare();
    const ctx = contextOf(0);
    await attestDigest(ctx, "web", digest, "staging", signal);
    const repository = ctx.repositoryOf("web");
    for (const row of await store().loadEvidence("web", digest))
      if (!row.predicate.startsWith("https://cosign")) await store().removeEvidence(row);
    expect(await attestDigest(ctx, "web", digest, "staging", signal)).toEqual({ kind: "attested", added: 0 });
    const [first] = await repository.referrers(digest);
    await repository.deleteManifest(first?.digest ?? "");
    expect(await attestDigest(ctx, "web", digest, "staging", signal)).toEqual({ kind: "attested", added: 1 });
    expect(await repository.referrers(digest)).toHaveLength(7);
  });

  it("puts a bill of materials beside each platform of an index, and one of all beside the index", async () => {
    const { contextOf } = await prepare();
    const ctx = contextOf(0);
    const repository = ctx.repositoryOf("web");
    const each = [];
    for (const architecture of ["amd64", "arm64"]) {
      const digest = await pushImage(
        repository,
        { "base-files": "12", [`only-${architecture}`]: "1" },
        { architecture, created: "2026-01-02T03:04:05Z" },
      );
      const found = await repository.resolve(digest);
      if (found !== undefined) each.push({ ...found, platform: { os: "linux", architecture } });
    }
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: each }));
    const digest = sha256(bytes);
    await repository.putManifest({ digest, mediaType: mediaTypes.index, bytes });
    const lease = await startRebuild(ctx, "web", [firstCause], { recipeKey: "r2" });
    const { platforms } = await ctx.images.read(repository, digest);
    const inventories = platforms.map(({ tree, platform }) => readInventory(tree, platform));
    const keys = await ctx.store.saveInventories(inventories);
    const names = inventories.map(({ platform }) => formatPlatform(platform));
    await ctx.store.saveRebuild(lease, { state: "building" });
    await ctx.store.saveCandidate(lease, {
      digest,
      platforms: names,
      inventories: Object.fromEntries(names.map((name, at) => [name, keys[at] ?? digest])),
      recipeKey: "r2",
      baseDigests: [],
    });
    await promote(ctx, lease, digest, "staging");
    expect(await attestDigest(ctx, "web", digest, "staging", signal)).toEqual({ kind: "attested", added: 11 });
    const signer = await ctx.evidence?.signer();
    const billsOf = async (about: Digest): Promise<string[]> => {
      const { found } = await readEvidence(
        repository,
        about,
        [about],
        signer === undefined ? [] : [signerOfEvidence(signer)],
      );
      return found.filter(({ kind }) => kind === "sbom").map(({ predicate }) => JSON.stringify(predicate));
    };
    for (const text of await billsOf(digest))
      for (const name of ["only-amd64", "only-arm64"]) expect(text).toContain(name);
    for (const { digest: about, platform } of each) {
      const bills = await billsOf(about);
      expect(bills).toHaveLength(2);
      for (const text of bills) {
        expect(text).toContain(`only-${platform.architecture}`);
        expect(text).not.toContain(platform.architecture === "amd64" ? "only-arm64" : "only-amd64");
        expect(text).toContain("2026-01-02T03:04:05");
      }
    }
    await store().saveRebuild(lease, { state: "superseded" });
    expect(await attestDigest(ctx, "web", digest, "staging", signal)).toEqual({ kind: "attested", added: 0 });
  });

  it("says so where the digest is not in its registry, and where the key that signs is revoked", async () => {
    const { contextOf } = await prepare();
    const ctx = contextOf(0);
    const gone = `sha256:${"0".repeat(64)}` as const;
    expect(await attestDigest(ctx, "web", gone, "staging", signal)).toMatchObject({
      kind: "refused",
      reasons: [expect.stringMatching(/not in its registry/)],
    });
    const { evidence } = ctx;
    if (evidence === undefined) throw new Error("there is no evidence");
    const revoked = {
      ...evidence,
      keys: async () => ({ trusted: [], revoked: [signerOfEvidence(await evidence.signer())] }),
    };
    expect(await attestDigest({ ...ctx, evidence: revoked }, "web", gone, "staging", signal)).toMatchObject({
      kind: "refused",
      reasons: [expect.stringMatching(/is revoked/)],
    });
    expect(await attestDigest({ ...ctx, evidence: undefined }, "web", gone, "staging", signal)).toEqual({
      kind: "off",
    });
  });
});
