import { generateKeyPairSync, sign } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatStatement, predicateTypes } from "../core/evidence/index.ts";
import { publicPem, readTrustedKey, type TrustedKey } from "../core/signature/index.ts";
import { attachBundle, signStatement, type Signer } from "../io/sign/index.ts";
import type { Repository } from "../io/registry/index.ts";
import { openTestRegistry, pushImage, testConfig, type TestRegistry } from "../serve/operations/testdata/test-fleet.ts";
import type { Digest } from "../lib/index.ts";
import { findLackingEvidence } from "./standing-evidence.ts";

let registry: TestRegistry;
let repository: Repository;
let digest: Digest;
let other: Digest;
beforeAll(async () => {
  registry = await openTestRegistry();
});
afterAll(() => registry.close());

function makeSigner(): Signer {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = publicPem(privateKey);
  const key = readTrustedKey(pem);
  if (typeof key === "string") throw new Error(key);
  return { key, pem, sign: (data) => Promise.resolve(sign(null, data, privateKey)) };
}

const [ours, old, stolen, stranger] = [makeSigner(), makeSigner(), makeSigner(), makeSigner()];
let count = 0;

/** A new image, and what is attached to it. */
async function prepare(): Promise<void> {
  repository = registry.client.repository(`${registry.host}/web-${(count += 1)}`);
  digest = await pushImage(repository, { "base-files": `${count}` });
  other = await pushImage(repository, { "base-files": `other ${count}` });
}

interface Attachment {
  readonly signer?: Signer;
  readonly about?: Digest;
  readonly to?: Digest;
  readonly predicate?: unknown;
}

async function attach(
  type: string,
  { signer = ours, about = digest, to = digest, predicate = {} }: Attachment = {},
): Promise<void> {
  const subject = await repository.resolve(to);
  if (subject === undefined) throw new Error("the image is not there");
  const bundle = await signStatement(signer, formatStatement([{ name: "web", digest: about }], type, predicate));
  await attachBundle(repository, subject, Buffer.from(bundle), type);
}

function lacking(require: string, environment = "production", own = ""): Promise<string[]> {
  const config = testConfig((text) =>
    `${text}evidence: { key: a.key, require: [${require}] }\n`.replace("name: production", `name: production${own}`),
  );
  if (config.evidence === undefined) throw new Error("there are no rules");
  const keys: { trusted: TrustedKey[]; revoked: TrustedKey[] } = {
    trusted: [ours.key, old.key],
    revoked: [stolen.key],
  };
  const evidence = {
    rules: config.evidence,
    verifier: { id: "urn:test", version: "1" },
    signer: () => Promise.resolve(ours),
    keys: () => Promise.resolve(keys),
  };
  return findLackingEvidence(
    { config, evidence, repositoryOf: () => repository },
    "web",
    digest,
    environment,
    new AbortController().signal,
  );
}

describe("the gate of evidence, on what lies in a registry", () => {
  it("refuses a digest that has none", async () => {
    await prepare();
    expect(await lacking("signature, sbom")).toEqual([
      `web@${digest}: it has no signature`,
      `web@${digest}: it has no SBOM`,
    ]);
  });

  it("takes what a key that signs, or signed once, stands for", async () => {
    await prepare();
    await attach(predicateTypes.signature);
    await attach(predicateTypes.spdx, { signer: old });
    expect(await lacking("signature, sbom")).toEqual([]);
  });

  it("refuses what a revoked key signed, and what nobody's did", async () => {
    await prepare();
    await attach(predicateTypes.signature, { signer: stolen });
    await attach(predicateTypes.provenance, { signer: stranger });
    const [signature, provenance] = await lacking("signature, provenance");
    expect(signature).toMatch(/its signature does not count: it is by a key that was revoked/);
    expect(provenance).toMatch(/its provenance does not count: it is not by a key that is known here/);
    await attach(predicateTypes.signature);
    await attach(predicateTypes.provenance);
    expect(await lacking("signature, provenance")).toEqual([]);
  });

  it("refuses what is of another digest, though it lies beside this one", async () => {
    await prepare();
    await attach(predicateTypes.provenance, { about: other });
    expect(await lacking("provenance")).toEqual([
      `web@${digest}: its provenance does not count: it is of another digest`,
    ]);
  });

  it("refuses what was changed after it was signed", async () => {
    await prepare();
    const subject = await repository.resolve(digest);
    const statement = formatStatement([{ name: "web", digest: other }], predicateTypes.scan, {});
    const bundle = JSON.parse(await signStatement(ours, statement)) as { dsseEnvelope: { payload: string } };
    const changed = formatStatement([{ name: "web", digest }], predicateTypes.scan, {});
    bundle.dsseEnvelope.payload = changed.toString("base64");
    if (subject === undefined) throw new Error("the image is not there");
    await attachBundle(repository, subject, Buffer.from(JSON.stringify(bundle)), predicateTypes.scan);
    expect((await lacking("scan"))[0]).toMatch(/its scan does not count: it is not by a key that is known here/);
  });

  it("refuses the verification of another environment, and one that did not pass", async () => {
    await prepare();
    const summary = (environment: string, verificationResult: string) => ({
      policy: { uri: `urn:tidemill:policy:${environment}` },
      verificationResult,
    });
    await attach(predicateTypes.summary, { predicate: summary("staging", "PASSED") });
    expect((await lacking("verification"))[0]).toMatch(/it is for staging, not for production/);
    await attach(predicateTypes.summary, { predicate: summary("production", "FAILED") });
    expect((await lacking("verification"))[0]).toMatch(/it did not pass for production/);
    expect(await lacking("verification", "staging")).toEqual([]);
    await attach(predicateTypes.testResult, {
      predicate: { result: "PASSED", configuration: [{ uri: "urn:tidemill:policy:production" }] },
    });
    expect(await lacking("verification")).toEqual([]);
  });

  it("asks by an environment's own words where it has some", async () => {
    await prepare();
    await attach(predicateTypes.signature);
    expect(await lacking("signature, sbom", "production", ", requireEvidence: [signature]")).toEqual([]);
    expect(await lacking("signature", "production", ", requireEvidence: [signature, scan]")).toEqual([
      `web@${digest}: it has no scan`,
    ]);
    expect(await lacking("signature", "staging", ", requireEvidence: [signature, scan]")).toEqual([]);
    expect(await lacking("signature, sbom", "production", ", requireEvidence: []")).toEqual([]);
  });

  it.each([
    [null],
    [7],
    [{ policy: 7, configuration: { length: 1 } }],
    [{ policy: { uri: {} }, configuration: [null] }],
  ])("refuses a verification that says nothing: %j", async (predicate) => {
    await prepare();
    await attach(predicateTypes.summary, { predicate });
    await attach(predicateTypes.testResult, { predicate });
    expect((await lacking("verification"))[0]).toMatch(/no environment that it names/);
  });
});
