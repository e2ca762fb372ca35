import { join } from "node:path";
import { afterEach, describe, expect } from "vitest";
import { checkSpdx } from "../../src/core/report/testdata/check-spdx.ts";
import { missingDockerRegistry, startDockerRegistry } from "../../src/io/registry/testdata/docker-registry.ts";
import { listKeys, revokeKey, rotateKeys } from "../../src/io/sign/index.ts";
import type { Digest } from "../../src/lib/index.ts";
import { findLackingEvidence, gateEvidence } from "../../src/loop/standing-evidence.ts";
import { smallPackages, type OpenFleet, type SmallFleet } from "../faults/small-fleet.ts";
import { needs } from "../needs.ts";
import {
  cosign,
  cosignStatement,
  cosignTypes,
  cosignVerify,
  createSignedFleet,
  passphrase,
  run,
} from "./signed-fleet.ts";

const missing = cosign.missing ?? (await missingDockerRegistry());
const it = needs(missing);
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function openSigned(
  change: Parameters<typeof createSignedFleet>[0] = {},
): Promise<{ small: SmallFleet; open: OpenFleet }> {
  const small = await createSignedFleet(change);
  ends.push(small.remove);
  await small.publish(smallPackages());
  const open = await small.open();
  ends.push(open.close);
  return { small, open };
}

async function inProduction({ pointer }: OpenFleet, image: string): Promise<Digest> {
  const digest = await pointer(image);
  if (digest === undefined) throw new Error(`${image} is not in production`);
  return digest;
}

describe("a promotion of a fleet that signs", () => {
  for (const kind of ["embedded", "docker"] as const)
    it(`leaves evidence that cosign verifies: ${kind} registry`, async () => {
      const docker = kind === "docker" ? await startDockerRegistry() : undefined;
      if (docker !== undefined) ends.push(() => docker.close());
      const registry = docker === undefined ? {} : { registry: { url: docker.host, insecure: true } };
      const { small, open } = await openSigned({ ...registry });
      await open.run(["small-root"]);
      const digest = await inProduction(open, "small-root");
      const { name } = open.fleet.ctx.repositoryOf("small-root");
      const reference = `${name}@${digest}`;
      expect(await cosignVerify(small.folder, reference)).toContain(digest);
      const said = new Map<string, Awaited<ReturnType<typeof cosignStatement>>>();
      for (const type of cosignTypes) said.set(type, await cosignStatement(small.folder, reference, type));
      for (const { subject } of said.values()) expect(subject[0]?.digest).toEqual({ sha256: digest.slice(7) });
      checkSpdx(JSON.stringify(said.get("spdxjson")?.predicate));
      expect(said.get("cyclonedx")?.predicate).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6" });
      expect(JSON.stringify(said.get("cyclonedx")?.predicate)).toContain("pkg:deb/");
      expect(said.get("slsaprovenance1")?.predicate).toMatchObject({
        buildDefinition: {
          externalParameters: { image: "small-root", recipe: "packages", packages: ["small-base", "libsmall1"] },
          internalParameters: { causes: [{ kind: "source" }], packagesWithoutDigest: [] },
        },
        runDetails: { builder: { id: "urn:tidemill" } },
      });
      const { resolvedDependencies: materials } = (said.get("slsaprovenance1")?.predicate["buildDefinition"] ?? {}) as {
        resolvedDependencies: { uri: string; digest: Record<string, string> }[];
      };
      expect(new Set(materials.map(({ uri }) => /^pkg:deb\/(?:[^/]+\/)?([^@]+)@/.exec(uri)?.[1]))).toEqual(
        new Set(["libsmall1", "small-base"]),
      );
      for (const one of materials) expect(one.digest).toEqual({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect(said.get("vuln")?.predicate).toMatchObject({
        scanner: {
          result: {
            platforms: [{ platform: "linux/amd64", state: "unknown", reasons: expect.arrayContaining(["no feed"]) }],
          },
        },
      });
      const tests = await cosignStatement(small.folder, reference, "https://in-toto.io/attestation/test-result/v0.1");
      expect(tests.predicate).toMatchObject({ failedTests: [] });
      const summary = await cosignStatement(small.folder, reference, "https://slsa.dev/verification_summary/v1");
      expect(summary.predicate).toMatchObject({ verificationResult: "PASSED" });
    });

  it("adds nothing when it is asked again, and to its image nothing at all", async () => {
    const { open } = await openSigned();
    await open.run();
    const digest = await inProduction(open, "small-alone");
    const repository = open.fleet.ctx.repositoryOf("small-alone");
    const before = await repository.referrers(digest);
    const { evidence } = await open.operations.why({ image: "small-alone" });
    expect(new Set(evidence.map(({ artifact }) => artifact))).toEqual(new Set(before.map((one) => one.digest)));
    expect((await open.operations.status({})).alarms).toEqual([]);
    // Twice a verification's two and its scan, and signature, two bills, provenance.
    expect(before).toHaveLength(10);
    const manifest = Buffer.from((await repository.manifest(digest))?.bytes ?? []).toString();
    expect(manifest).not.toMatch(/annotations.*(?:cause|urn:tidemill)/);
    await open.run();
    await open.operations.promote({ image: "small-alone", environment: "production", by: "ann", reason: "again" });
    expect(await repository.referrers(digest)).toHaveLength(10);
  });

  it("of what people said of it carries VEX, which cosign verifies", async () => {
    const { small, open } = await openSigned();
    const said = {
      status: "not_affected",
      justification: "component_not_present",
      reason: "unused",
      by: "ann",
    } as const;
    await open.operations.vexAdd({ vulnerability: "CVE-2026-1", package: "small-gauge", ...said });
    await open.run(["small-alone"]);
    const digest = await inProduction(open, "small-alone");
    const reference = `${open.fleet.ctx.repositoryOf("small-alone").name}@${digest}`;
    expect((await cosignStatement(small.folder, reference, "openvex")).predicate).toMatchObject({
      statements: [{ vulnerability: { name: "CVE-2026-1" }, status: "not_affected", impact_statement: "unused" }],
    });
    // What is said later is put beside it on request, once.
    await open.operations.vexAdd({ vulnerability: "CVE-2026-2", package: "small-gauge", ...said });
    for (const added of [1, 0])
      expect(await open.operations.evidenceAttach({ image: "small-alone" })).toMatchObject({ kind: "attached", added });
  });

  it("signs anew, by the new key, what a key signed that was revoked since, and not what one signed that was only replaced", async () => {
    const { small, open } = await openSigned({
      environments: [{ name: "staging" }, { name: "production", auto: false }],
    });
    await open.run(["small-alone"]);
    const digest = (await open.pointer("small-alone", "staging")) ?? "none";
    const repository = open.fleet.ctx.repositoryOf("small-alone");
    const name = join(small.folder, "mill");
    const [first] = await listKeys(name);
    await rotateKeys(name, "ecdsa-p256", passphrase);
    const request = { image: "small-alone", environment: "production", by: "ann", reason: "go" };
    const lacking = async (): Promise<string[]> =>
      findLackingEvidence(open.fleet.ctx, "small-alone", digest as Digest, "staging", new AbortController().signal);
    expect(await lacking()).toEqual([]);
    const before = (await repository.referrers(digest as Digest)).length;
    await revokeKey(name, first?.key.fingerprint ?? "");
    expect((await lacking()).join("\n")).toMatch(/its provenance does not count: it is by a key that was revoked/);
    await open.operations.run({ images: ["small-alone"] });
    expect(await open.operations.promote(request)).toMatchObject({ kind: "promoted" });
    // Signature, two bills and provenance once more, and what is of production.
    expect((await repository.referrers(digest as Digest)).length).toBe(before + 7);
    expect(await cosignVerify(small.folder, `${repository.name}@${digest}`)).toContain(digest);
    await cosignStatement(small.folder, `${repository.name}@${digest}`, "slsaprovenance1");
  });

  it("keeps out what lacks what is demanded, as an alarm, until it is there", async () => {
    // Whoever cleans up the registry between the signing and the look takes away what is demanded.
    const { open } = await openSigned();
    const { ctx } = open.fleet;
    const image = "small-alone";
    await open.run([image]);
    const digest = await inProduction(open, image);
    const signal = new AbortController().signal;
    expect(await gateEvidence(ctx, image, digest, "production", signal)).toEqual([]);
    const repository = ctx.repositoryOf(image);
    for (const one of await repository.referrers(digest)) await repository.deleteManifest(one.digest);
    const reasons = await gateEvidence(ctx, image, digest, "production", signal);
    expect(reasons).toHaveLength(4);
    expect(await open.alarms()).toMatchObject([
      { message: expect.stringMatching(/nothing goes to production.*it has no signature/) },
    ]);
    await open.operations.evidenceAttach({ image });
    expect(await gateEvidence(ctx, image, digest, "production", signal)).toEqual([]);
    expect(await open.alarms()).toEqual([]);
  });

  it("may be signed by a program that holds the key", async () => {
    const small = await createSignedFleet();
    ends.push(small.remove);
    await run("openssl", [
      "ecparam",
      "-name",
      "prime256v1",
      "-genkey",
      "-noout",
      "-out",
      join(small.folder, "kms.pem"),
    ]);
    await run("openssl", [
      "pkey",
      "-in",
      join(small.folder, "kms.pem"),
      "-pubout",
      "-out",
      join(small.folder, "kms.pub"),
    ]);
    const script = "openssl dgst -sha256 -sign $KMS_KEY $TIDEMILL_SIGN_FILE | base64";
    (small.env as Record<string, string>)["KMS_KEY"] = join(small.folder, "kms.pem");
    const program = { command: ["sh", "-c", script], key: "kms.pub", pass: ["KMS_KEY"] };
    await small.configure({ evidence: { program } });
    await small.publish(smallPackages());
    const open = await small.open();
    ends.push(open.close);
    await open.run(["small-alone"]);
    const digest = await inProduction(open, "small-alone");
    const reference = `${open.fleet.ctx.repositoryOf("small-alone").name}@${digest}`;
    expect(await cosignVerify(small.folder, reference, "kms.pub")).toContain(digest);
    await cosignStatement(small.folder, reference, "slsaprovenance1", "kms.pub");
  });

  it("is refused without the passphrase, as an alarm that says what to do, and goes on once it is there", async () => {
    const { small, open } = await openSigned();
    await open.close();
    ends.pop();
    const env = small.env as Record<string, string>;
    const { TIDEMILL_KEY_PASSPHRASE: kept = "" } = env;
    delete env["TIDEMILL_KEY_PASSPHRASE"];
    const locked = await small.open();
    await locked.run();
    expect(await locked.pointer("small-alone", "staging")).toBeUndefined();
    const alarms = await locked.alarms();
    expect(alarms.map(({ message }) => message).join("\n")).toMatch(
      /small-alone@sha256:\w+ goes nowhere.*TIDEMILL_KEY_PASSPHRASE is not set/,
    );
    await locked.close();
    env["TIDEMILL_KEY_PASSPHRASE"] = kept;
    const unlocked = await small.open();
    ends.push(unlocked.close);
    unlocked.clock.jump(120_000);
    await unlocked.run();
    expect(await unlocked.pointer("small-alone")).toBeDefined();
    expect(await unlocked.alarms()).toEqual([]);
  });
});

it("a fleet that names no key makes no evidence", async () => {
  const small = await createSignedFleet();
  ends.push(small.remove);
  await small.configure({});
  await small.publish(smallPackages());
  const open = await small.open();
  ends.push(open.close);
  await open.run(["small-alone"]);
  const digest = await inProduction(open, "small-alone");
  expect(await open.fleet.ctx.repositoryOf("small-alone").referrers(digest)).toEqual([]);
});
