import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { formatStatement, predicateTypes } from "../../src/core/evidence/index.ts";
import {
  attachBundle,
  listKeys,
  makeKeys,
  openSigner,
  revokeKey,
  rotateKeys,
  signStatement,
} from "../../src/io/sign/index.ts";
import type { Digest } from "../../src/lib/index.ts";
import { createMeddlingRegistry, type Meddler, type MeddlingRegistry } from "../fakes/meddling-registry.ts";
import { minute, smallPackages, type OpenFleet, type SmallFleet } from "../faults/small-fleet.ts";
import { createSmallSystem, type SmallSystem } from "../faults/small-system.ts";
import { createSignedFleet, passphrase } from "./signed-fleet.ts";

const image = "small-alone";
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Stage {
  readonly small: SmallFleet;
  readonly open: OpenFleet;
  readonly registry: MeddlingRegistry;
  readonly system: SmallSystem;
  /** What is to come to production, and what was there before. */
  readonly digest: Digest;
  readonly earlier: Digest;
}

interface List {
  readonly manifests: readonly { readonly digest: Digest }[];
}

/** What lies beside a digest of the image, as it is. */
async function listOf({ registry }: Stage, digest: string): Promise<List> {
  return (await (await fetch(`http://${registry.honestHost}/v2/${image}/referrers/${digest}`)).json()) as List;
}

const empty = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [] };

/** What becomes of the evidence of a digest, by whoever can write to its registry, or lost a key; and what is said of it. */
const troubles: Readonly<
  Record<string, { readonly bring: (stage: Stage) => Promise<Meddler>; readonly says: RegExp }>
> = {
  "is missing": {
    bring: () => Promise.resolve(() => Promise.resolve(empty)),
    says: /it has no signature.*it has no SBOM.*it has no provenance.*it has no verification/s,
  },
  "does not verify": {
    bring: async (stage) => {
      const forged = await forge(stage);
      return () => Promise.resolve(forged);
    },
    says: /its provenance does not count: it is not by a key that is known here/,
  },
  "is of another digest": {
    bring: async (stage) => {
      const theirs = await listOf(stage, stage.earlier);
      return () => Promise.resolve(theirs);
    },
    says: /its provenance does not count: it is of another digest/,
  },
  "is by a key that was revoked": {
    bring: async (stage) => {
      const name = join(stage.small.folder, "mill");
      const [old] = await listKeys(name);
      const before = await listOf(stage, stage.digest);
      await rotateKeys(name, "ed25519", passphrase);
      await revokeKey(name, old?.key.fingerprint ?? "");
      return () => Promise.resolve(before);
    },
    says: /its provenance does not count: it is by a key that was revoked/,
  },
};

/** Statements of every kind that is demanded, of this very digest, by somebody else's key. */
async function forge(stage: Stage): Promise<List> {
  const { small, open, digest } = stage;
  await makeKeys(join(small.folder, "eve"), "ecdsa-p256", passphrase);
  const eve = await openSigner(join(small.folder, "eve.key"), passphrase);
  const repository = open.fleet.ctx.repositoryOf(image);
  const subject = await repository.resolve(digest);
  if (subject === undefined) throw new Error("the image is not there");
  const own = new Set((await listOf(stage, digest)).manifests.map((one) => one.digest));
  for (const type of [
    predicateTypes.signature,
    predicateTypes.cyclonedx,
    predicateTypes.provenance,
    predicateTypes.summary,
  ]) {
    const statement = formatStatement([{ name: image, digest }], type, { forged: true });
    await attachBundle(repository, subject, Buffer.from(await signStatement(eve, statement)), type);
  }
  const all = await listOf(stage, digest);
  return { ...all, manifests: all.manifests.filter((one) => !own.has(one.digest)) };
}

/** Two generations of an image, signed; the second waits before production, or is there. */
async function setUp(production: "waits" | "is there"): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-gates-"));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  const registry = await createMeddlingRegistry(join(folder, "registry"));
  ends.push(() => registry.close());
  const change = { registry: { url: registry.host, insecure: true } };
  const small = await createSignedFleet(change);
  ends.push(small.remove);
  const system = await createSmallSystem(small.folder);
  const shop = { environment: "production", images: [image], command: system.command };
  const open = await openWithEarlier(small);
  const earlier = await named(open, "production");
  await small.publish(smallPackages({ "small-gauge": "1.1-1" }));
  const hold = { image, environment: "production", by: "ann", reason: "not yet" };
  if (production === "waits") await open.operations.hold(hold);
  await open.run([image]);
  const digest = await named(open, "staging");
  expect(digest).not.toBe(earlier);
  expect(await open.pointer(image)).toBe(production === "waits" ? earlier : digest);
  if (production === "waits") return { small, open, registry, system, digest, earlier };
  await open.close();
  await small.configure({ ...change, deployments: { shop }, evidence: { key: "mill.key" } });
  const again = await small.open();
  ends.push(again.close);
  return { small, open: again, registry, system, digest, earlier };
}

async function openWithEarlier(small: SmallFleet): Promise<OpenFleet> {
  await small.publish(smallPackages());
  const open = await small.open();
  ends.push(() => open.close().catch(() => undefined));
  await open.run([image]);
  return open;
}

async function named(open: OpenFleet, environment: string): Promise<Digest> {
  const digest = await open.pointer(image, environment);
  if (digest === undefined) throw new Error(`nothing is in ${environment}`);
  return digest;
}

describe("a promotion is refused where evidence", () => {
  for (const [what, { bring, says }] of Object.entries(troubles))
    it(what, { timeout: 120_000 }, async () => {
      const stage = await setUp("waits");
      const { open, registry, digest, earlier } = stage;
      registry.meddle(await bring(stage));
      await open.operations.resume({ image, environment: "production", by: "ann", reason: "now" });
      open.clock.jump(10 * minute);
      await open.run([image]);
      expect(await open.pointer(image)).toBe(earlier);
      expect(await open.tag(image)).toBe(earlier);
      const alarms = (await open.alarms()).map(({ message }) => message).join("\n");
      expect(alarms).toMatch(/nothing goes to production/);
      expect(alarms).toMatch(says);
      const byAnn = { image, environment: "production", by: "ann", reason: "I say so" };
      const asked = await open.operations.promote(byAnn);
      expect(asked).toMatchObject({ kind: "refused" });
      expect(asked.kind === "refused" && asked.reasons.join("\n")).toMatch(says);
      expect(await open.pointer(image)).toBe(earlier);

      // It was for nothing else.
      registry.meddle(undefined);
      expect(await open.operations.promote(byAnn)).toMatchObject({ kind: "promoted", to: digest });
    });
});

describe("a deployment is refused where evidence", () => {
  for (const [what, { bring, says }] of Object.entries(troubles))
    it(what, { timeout: 120_000 }, async () => {
      const stage = await setUp("is there");
      const { open, registry, system, digest } = stage;
      registry.meddle(await bring(stage));
      await open.run([image]);
      expect(await system.runs(image)).toBeUndefined();
      expect(await system.calls()).toEqual([]);
      const status = await open.operations.status({ image });
      const [place] = status.images[0]?.environments.flatMap(({ deployments }) => deployments) ?? [];
      expect(place?.waiting).toMatch(says);

      registry.meddle(undefined);
      await open.operations.evidenceAttach({ image });
      await open.run([image]);
      expect(await system.runs(image)).toBe(digest);
    });
});
