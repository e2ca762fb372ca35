import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatStatement, predicateTypes } from "../../core/evidence/index.ts";
import { mediaTypes } from "../../core/image/index.ts";
import { publicPem, readTrustedKey } from "../../core/signature/index.ts";
import { sha256, systemClock, type Digest } from "../../lib/index.ts";
import {
  createRegistryClient,
  createRegistryServer,
  type RegistryClient,
  type RegistryServer,
  type Repository,
} from "../registry/index.ts";
import { makeImage, pushImage } from "../registry/testdata/make-image.ts";
import {
  attachBundle,
  attachClassic,
  checkSignature,
  readEvidence,
  signClassic,
  signStatement,
  type Signer,
} from "./index.ts";

let folder: string;
let server: RegistryServer;
let client: RegistryClient;
let host: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-attach-"));
  server = await createRegistryServer({ dir: join(folder, "registry") });
  ({ host } = await server.listen(0));
  client = createRegistryClient();
});
afterAll(async () => {
  await client.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function makeSigner(): Signer {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const pem = publicPem(privateKey);
  const key = readTrustedKey(pem);
  if (typeof key === "string") throw new Error(key);
  return { key, pem, sign: (data) => Promise.resolve(sign("sha256", data, privateKey)) };
}

const signer = makeSigner();
const pacing = { clock: systemClock, random: () => 0 };
let count = 0;

async function newImage(): Promise<{ readonly app: Repository; readonly digest: Digest; readonly tag: string }> {
  count += 1;
  const app = client.repository(`${host}/app-${count}`);
  const image = await makeImage([`image ${count}`]);
  await pushImage(app, image, "1");
  const { digest } = image.manifest;
  return { app, digest, tag: `${digest.replace(":", "-")}.sig` };
}

const layersOf = async (app: Repository, tag: string): Promise<number> =>
  (JSON.parse(Buffer.from((await app.manifest(tag))?.bytes ?? []).toString()) as { layers: unknown[] }).layers.length;

describe("the signature under cosign's tag", () => {
  it("is added once for a key, however different its bytes are the next time", async () => {
    const { app, digest, tag } = await newImage();
    for (let time = 0; time < 3; time += 1)
      await attachClassic(app, digest, await signClassic(signer, digest, app.name), signer.key, pacing);
    expect(await layersOf(app, tag)).toBe(1);
    const other = makeSigner();
    await attachClassic(app, digest, await signClassic(other, digest, app.name), other.key, pacing);
    expect(await layersOf(app, tag)).toBe(2);
    for (const { pem } of [signer, other])
      expect(await checkSignature(app, digest, { kind: "key", keys: [pem] })).toMatchObject({ kind: "verified" });
  });

  it("is added beside one that says that it is ours and does not verify", async () => {
    const { app, digest, tag } = await newImage();
    const { payload } = await signClassic(signer, digest, app.name);
    await attachClassic(app, digest, { payload, signature: "AAAA" }, makeSigner().key, pacing);
    await attachClassic(app, digest, await signClassic(signer, digest, app.name), signer.key, pacing);
    expect(await layersOf(app, tag)).toBe(2);
    expect(await checkSignature(app, digest, { kind: "key", keys: [signer.pem] })).toMatchObject({ kind: "verified" });
  });

  it("takes the place of what is no list of signatures", async () => {
    const { app, digest, tag } = await newImage();
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] }));
    await app.putManifest({ digest: sha256(bytes), mediaType: mediaTypes.index, bytes }, tag);
    await attachClassic(app, digest, await signClassic(signer, digest, app.name), signer.key, pacing);
    expect(await layersOf(app, tag)).toBe(1);
  });
});

describe("what lies beside an image", () => {
  const attach = async (app: Repository, digest: Digest, bundle: string, saidType: string): Promise<void> => {
    const subject = await app.resolve(digest);
    if (subject === undefined) throw new Error("the image is not there");
    await attachBundle(app, subject, Buffer.from(bundle), saidType);
  };

  it("is what its signed statement says, whatever is written on it", async () => {
    const { app, digest } = await newImage();
    const statement = formatStatement([{ name: "app", digest }], predicateTypes.vex, { statements: [] });
    await attach(app, digest, await signStatement(signer, statement), predicateTypes.provenance);
    const { found } = await readEvidence(app, digest, [digest], [signer.key]);
    expect(found.map(({ kind }) => kind)).toEqual(["vex"]);
  });

  it("is left out where it is of no kind of ours, and refused with why where it is no evidence", async () => {
    const { app, digest } = await newImage();
    const other = formatStatement([{ name: "app", digest }], "https://example.invalid/other", {});
    await attach(app, digest, await signStatement(signer, other), predicateTypes.scan);
    for (const text of [
      "",
      "null",
      "[]",
      '{"mediaType":7}',
      `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":{"payload":{"length":{"valueOf":1}}}}`,
      "[".repeat(50_000),
    ])
      await attach(app, digest, text, predicateTypes.scan);
    const { found, refused } = await readEvidence(app, digest, [digest], [signer.key]);
    expect(found).toEqual([]);
    expect(refused).toHaveLength(6);
    for (const one of refused) expect(one).toEqual({ kind: "scan", reason: "it holds no in-toto statement" });
  });

  it("that would never end is not read to its end, and that is told", async () => {
    const { app, digest } = await newImage();
    const subject = await app.resolve(digest);
    if (subject === undefined) throw new Error("the image is not there");
    const large = Buffer.alloc(33_554_433, 0x20);
    await attachBundle(app, subject, large, predicateTypes.scan);
    const { found, problems } = await readEvidence(app, digest, [digest], [signer.key]);
    expect(found).toEqual([]);
    expect(problems.join()).toMatch(/there is more of it than is read/);
  });

  it("about a digest of which a statement names many is found, and of none that it does not name", async () => {
    const { app, digest } = await newImage();
    const subjects = [`sha256:${"1".repeat(64)}`, digest, `sha512:${"2".repeat(128)}`] as Digest[];
    const statement = formatStatement(
      subjects.map((one) => ({ name: "app", digest: one })),
      predicateTypes.provenance,
      {},
    );
    await attach(app, digest, await signStatement(signer, statement), predicateTypes.provenance);
    expect((await readEvidence(app, digest, subjects, [signer.key])).found[0]?.subjects).toEqual(subjects);
    const strange = await readEvidence(app, digest, [`sha256:${"3".repeat(64)}`], [signer.key]);
    expect(strange).toMatchObject({ found: [], refused: [{ kind: "provenance", reason: "it is of another digest" }] });
  });
});
