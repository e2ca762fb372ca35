import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildGoProgram } from "../../../test/go-program.ts";
import { needs } from "../../../test/needs.ts";
import { formatStatement, predicateTypes } from "../../core/evidence/index.ts";
import { readTrustedKey, type TrustedKey } from "../../core/signature/index.ts";
import { systemClock } from "../../lib/index.ts";
import {
  createRegistryClient,
  createRegistryServer,
  type RegistryClient,
  type RegistryServer,
} from "../registry/index.ts";
import {
  missingDockerRegistry,
  startDockerRegistry,
  type DockerRegistry,
} from "../registry/testdata/docker-registry.ts";
import { makeImage, pushImage } from "../registry/testdata/make-image.ts";
import {
  attachBundle,
  attachClassic,
  checkSignature,
  makeKeys,
  openSigner,
  readEvidence,
  signClassic,
  signStatement,
  type Signer,
} from "./index.ts";

const run = promisify(execFile);
const cosign = await buildGoProgram("github.com/sigstore/cosign/v2/cmd/cosign@v2.6.1");
const missing = cosign.missing ?? (await missingDockerRegistry());
const passphrase = "a passphrase of the test";
const pacing = { clock: systemClock, random: Math.random };

let folder: string;
let embedded: RegistryServer;
let embeddedHost: string;
let docker: DockerRegistry;
let client: RegistryClient;

beforeAll(async () => {
  if (missing !== undefined) return;
  folder = await mkdtemp(join(tmpdir(), "tidemill-attach-"));
  embedded = await createRegistryServer({ dir: join(folder, "registry") });
  ({ host: embeddedHost } = await embedded.listen(0));
  docker = await startDockerRegistry();
  client = createRegistryClient();
  for (const kind of ["ecdsa-p256", "ed25519"] as const) await makeKeys(join(folder, kind), kind, passphrase);
  await makeKeys(join(folder, "other"), "ecdsa-p256", passphrase);
  // A bundle is verified by a key alone, but cosign wants a root as well, and looks for one in the network without it.
  await writeFile(
    join(folder, "root.json"),
    '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}',
  );
});
afterAll(async () => {
  if (missing !== undefined) return;
  await client.close();
  await docker.close();
  await embedded.close();
  await rm(folder, { recursive: true, force: true });
});

const cosignWith = (verb: string, key: string, reference: string, ...more: string[]) =>
  run(cosign.path, [
    verb,
    "--key",
    join(folder, `${key}.pub`),
    "--insecure-ignore-tlog=true",
    "--allow-insecure-registry",
    ...more,
    reference,
  ]);

const bundles = (): string[] => ["--new-bundle-format", "--trusted-root", join(folder, "root.json")];

/** Predicate types by the names that cosign has for them. */
const types = {
  slsaprovenance1: predicateTypes.provenance,
  cyclonedx: predicateTypes.cyclonedx,
  spdxjson: predicateTypes.spdx,
  vuln: predicateTypes.scan,
  openvex: predicateTypes.vex,
} as const;

const trusted = (signer: Signer): TrustedKey => {
  const key = readTrustedKey(signer.pem);
  if (typeof key === "string") throw new Error(key);
  return key;
};

describe("what we sign", () => {
  const it = needs(missing);
  for (const kind of ["ecdsa-p256", "ed25519"] as const)
    for (const registry of ["embedded", "docker"] as const)
      it(`with ${kind} is believed by cosign, and by nobody's other key: ${registry} registry`, async () => {
        const host = registry === "embedded" ? embeddedHost : docker.host;
        const app = client.repository(`${host}/${kind}`);
        const image = await makeImage([`${kind} ${registry}`]);
        await pushImage(app, image, "1");
        const { digest } = image.manifest;
        const subject = await app.resolve(digest);
        if (subject === undefined) throw new Error("the image is not there");
        const signer = await openSigner(join(folder, `${kind}.key`), passphrase);
        const about = [{ name: app.name, digest }];
        const attach = async (type: string, predicate: unknown): Promise<void> => {
          const bundle = await signStatement(signer, formatStatement(about, type, predicate));
          await attachBundle(app, subject, Buffer.from(bundle), type);
        };
        await attachClassic(app, digest, await signClassic(signer, digest, app.name), signer.key, pacing);
        await attach(predicateTypes.signature, {});
        for (const type of Object.values(types)) await attach(type, { made: "by a test" });
        const reference = `${app.name}@${digest}`;
        expect((await cosignWith("verify", kind, reference)).stdout).toContain(digest);
        await expect(cosignWith("verify", "other", reference)).rejects.toThrow(/invalid signature|no matching/);
        expect((await cosignWith("verify", kind, reference, ...bundles())).stdout).toContain(digest);
        for (const type of Object.keys(types)) {
          const { stdout } = await cosignWith("verify-attestation", kind, reference, ...bundles(), "--type", type);
          const payload = Buffer.from((JSON.parse(stdout) as { payload: string }).payload, "base64").toString();
          expect(JSON.parse(payload)).toMatchObject({ predicate: { made: "by a test" } });
        }
        await expect(
          cosignWith("verify-attestation", "other", reference, ...bundles(), "--type", "vuln"),
        ).rejects.toThrow();
        expect(await checkSignature(app, digest, { kind: "key", keys: [signer.pem] })).toMatchObject({
          kind: "verified",
        });
        const { found, refused, problems } = await readEvidence(app, digest, [digest], [trusted(signer)]);
        expect(found.map(({ predicateType }) => predicateType).sort()).toEqual(
          [predicateTypes.signature, ...Object.values(types)].sort(),
        );
        expect([refused, problems]).toEqual([[], []]);
      });

  it("with a key of cosign's own is the same", async () => {
    const env = { ...process.env, COSIGN_PASSWORD: passphrase };
    await run(cosign.path, ["generate-key-pair", "--output-key-prefix", "theirs"], { env, cwd: folder });
    const app = client.repository(`${embeddedHost}/shared`);
    const image = await makeImage(["shared"]);
    await pushImage(app, image, "1");
    const { digest } = image.manifest;
    const ours = await openSigner(join(folder, "theirs.key"), passphrase);
    await attachClassic(app, digest, await signClassic(ours, digest, app.name), ours.key, pacing);
    expect((await cosignWith("verify", "theirs", `${app.name}@${digest}`)).stdout).toContain(digest);
    // And cosign signs with a key that we made.
    const signed = await makeImage(["signed by cosign"]);
    await pushImage(app, signed, "2");
    const args = [
      "sign",
      "--key",
      join(folder, "ecdsa-p256.key"),
      "--tlog-upload=false",
      "--allow-insecure-registry",
      "-y",
    ];
    await run(cosign.path, [...args, `${app.name}@${signed.manifest.digest}`], { env });
    const pem = await readFile(join(folder, "ecdsa-p256.pub"), "utf8");
    expect(await checkSignature(app, signed.manifest.digest, { kind: "key", keys: [pem] })).toMatchObject({
      kind: "verified",
    });
  });

  it("is what openssl verifies, byte for byte, and not once a bit is another", async () => {
    const signer = await openSigner(join(folder, "ecdsa-p256.key"), passphrase);
    const bundle = JSON.parse(await signStatement(signer, formatStatement([], predicateTypes.scan, {}))) as {
      dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string }[] };
    };
    const { payload, payloadType, signatures } = bundle.dsseEnvelope;
    const bytes = Buffer.from(payload, "base64");
    const signed = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${bytes.length} `), bytes]);
    const [data, signature] = [join(folder, "pae"), join(folder, "sig")];
    await writeFile(signature, Buffer.from(signatures[0]?.sig ?? "", "base64"));
    const verify = async (content: Buffer): Promise<string> => {
      await writeFile(data, content);
      const args = ["dgst", "-sha256", "-verify", join(folder, "ecdsa-p256.pub"), "-signature", signature, data];
      return (await run("openssl", args)).stdout;
    };
    expect(await verify(signed)).toContain("Verified OK");
    signed[signed.length - 1] = 0x20;
    await expect(verify(signed)).rejects.toThrow();
  });

  for (const registry of ["embedded", "docker"] as const)
    it(`by twenty at once is there twenty times: ${registry} registry`, async () => {
      const host = registry === "embedded" ? embeddedHost : docker.host;
      const image = await makeImage([`twenty ${registry}`]);
      await pushImage(client.repository(`${host}/twenty`), image, "1");
      const { digest } = image.manifest;
      const signers = await Promise.all(
        Array.from({ length: 20 }, async (_, at) => {
          await makeKeys(join(folder, `${registry}-${at}`), "ed25519", passphrase);
          return openSigner(join(folder, `${registry}-${at}.key`), passphrase);
        }),
      );
      await Promise.all(
        signers.map(async (signer) => {
          const own = createRegistryClient();
          const app = own.repository(`${host}/twenty`);
          await attachClassic(app, digest, await signClassic(signer, digest, app.name), signer.key, pacing);
          const subject = await app.resolve(digest);
          if (subject === undefined) throw new Error("the image is not there");
          const statement = formatStatement([{ name: app.name, digest }], predicateTypes.signature, {});
          await attachBundle(
            app,
            subject,
            Buffer.from(await signStatement(signer, statement)),
            predicateTypes.signature,
          );
          await own.close();
        }),
      );
      const app = client.repository(`${host}/twenty`);
      const { found } = await readEvidence(app, digest, [digest], signers.map(trusted));
      expect(new Set(found.map(({ by }) => by.fingerprint)).size).toBe(20);
      const list = await app.manifest(`${digest.replace(":", "-")}.sig`);
      const { layers } = JSON.parse(Buffer.from(list?.bytes ?? []).toString()) as { layers: unknown[] };
      expect(layers).toHaveLength(20);
    }, 180_000);
});
