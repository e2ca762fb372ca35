import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildGoProgram } from "../../../test/go-program.ts";
import { needs } from "../../../test/needs.ts";
import { mediaTypes } from "../../core/image/index.ts";
import { collectBytes } from "../../lib/index.ts";
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
import { makeBlob, makeDocument, makeImage, pushImage } from "../registry/testdata/make-image.ts";
import { makeSigstore } from "./testdata/make-identity.ts";
import { makeKey, makePayload } from "./testdata/make-signature.ts";
import { checkSignature, readSignedVex } from "./index.ts";

const run = promisify(execFile);
const cosign = await buildGoProgram("github.com/sigstore/cosign/v2/cmd/cosign@v2.6.1");
const missing = cosign.missing ?? (await missingDockerRegistry());

let folder: string;
let embedded: RegistryServer;
let embeddedHost: string;
let docker: DockerRegistry;
let client: RegistryClient;

const sign = (image: string, key: string, ...more: string[]) =>
  run(
    cosign.path,
    [
      "sign",
      "--key",
      join(folder, `${key}.key`),
      "--tlog-upload=false",
      "--allow-insecure-registry",
      "-y",
      ...more,
      image,
    ],
    {
      env: { ...process.env, COSIGN_PASSWORD: "", COSIGN_EXPERIMENTAL: "1" },
    },
  );
const policyOf = async (...keys: string[]) => ({
  kind: "key" as const,
  keys: await Promise.all(keys.map((key) => readFile(join(folder, `${key}.pub`), "utf8"))),
});

beforeAll(async () => {
  if (missing !== undefined) return;
  folder = await mkdtemp(join(tmpdir(), "tidemill-cosign-"));
  const env = { ...process.env, COSIGN_PASSWORD: "" };
  for (const name of ["ours", "theirs"])
    await run(cosign.path, ["generate-key-pair", "--output-key-prefix", name], { env, cwd: folder });
  await run("openssl", ["genrsa", "-traditional", "-out", join(folder, "rsa.pem"), "2048"]);
  await run(cosign.path, ["import-key-pair", "--key", "rsa.pem", "--output-key-prefix", "rsa"], { env, cwd: folder });
  embedded = await createRegistryServer({ dir: join(folder, "registry") });
  ({ host: embeddedHost } = await embedded.listen(0));
  docker = await startDockerRegistry();
  client = createRegistryClient();
});
afterAll(async () => {
  if (missing !== undefined) return;
  await client.close();
  await docker.close();
  await embedded.close();
  await rm(folder, { recursive: true, force: true });
});

/** Where cosign puts a signature, by its arguments. */
const places = {
  tag: [],
  referrer: ["--registry-referrers-mode=oci-1-1"],
  bundle: ["--new-bundle-format"],
};

describe("what cosign signs with a key", () => {
  const it = needs(missing);
  for (const kind of ["embedded", "docker"] as const)
    for (const place of ["tag", "referrer", "bundle"] as const)
      it(`is believed, and nothing else: ${kind} registry, by ${place}`, async () => {
        const host = kind === "embedded" ? embeddedHost : docker.host;
        const app = client.repository(`${host}/app-${place}`);
        const other = client.repository(`${host}/other-${place}`);
        const image = await makeImage([`${kind} ${place}`]);
        const unsigned = await makeImage([`${kind} ${place} unsigned`]);
        for (const repository of [app, other]) {
          await pushImage(repository, image, "1");
          await pushImage(repository, unsigned, "2");
        }
        const { digest } = image.manifest;
        await sign(`${host}/app-${place}@${digest}`, "ours", ...places[place]);
        const [ours, theirs] = [await policyOf("ours"), await policyOf("theirs")];
        expect(await checkSignature(app, digest, ours)).toMatchObject({ kind: "verified" });
        expect(await checkSignature(app, digest, theirs)).toMatchObject({ kind: "refused" });
        expect(await checkSignature(app, unsigned.manifest.digest, ours)).toMatchObject({
          kind: "refused",
          reason: "it has no signature",
        });
        expect(await checkSignature(other, digest, ours)).toMatchObject({ kind: "refused" });
        // The signature of one image under the name of another: cosign's own layout, moved.
        if (place === "tag") {
          const moved = await app.manifest(`${digest.replace(":", "-")}.sig`);
          if (moved === undefined) throw new Error("cosign wrote no signature");
          const target = `${unsigned.manifest.digest.replace(":", "-")}.sig`;
          await app.putManifest(moved, target);
          expect(await checkSignature(app, unsigned.manifest.digest, ours)).toMatchObject({
            reason: "it is of another digest",
          });
        }
      });

  for (const place of ["tag", "bundle"] as const)
    it(`as VEX about an image counts, by ${place}, and no other attestation does`, async () => {
      const app = client.repository(`${docker.host}/attested-${place}`);
      const image = await makeImage([`attested ${place}`]);
      await pushImage(app, image, "1");
      const { digest } = image.manifest;
      const predicate = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.invalid/vex/1",
        author: "them",
        timestamp: "2026-01-01T00:00:00Z",
        version: 1,
        statements: [{ vulnerability: { name: "CVE-2026-0001" }, products: [], status: "fixed" }],
      };
      const attest = async (type: string, key: string): Promise<void> => {
        const file = join(folder, `${type}-${place}.json`);
        await writeFile(file, JSON.stringify(type === "openvex" ? predicate : { builder: { id: "x" } }));
        const args = ["attest", "--predicate", file, "--type", type, "--key", join(folder, `${key}.key`)];
        const more = ["--tlog-upload=false", "--allow-insecure-registry", "-y", ...places[place]];
        const env = { ...process.env, COSIGN_PASSWORD: "", COSIGN_EXPERIMENTAL: "1" };
        await run(cosign.path, [...args, ...more, `${docker.host}/attested-${place}@${digest}`], { env });
      };
      await attest("custom", "ours");
      await attest("openvex", "theirs");
      const policy = await policyOf("ours");
      expect(await readSignedVex(app, [digest], policy)).toMatchObject({
        found: [],
        problems: [expect.stringContaining("not by a key")],
      });
      await attest("openvex", "ours");
      const { found } = await readSignedVex(app, [digest], policy);
      expect(found).toMatchObject([{ by: expect.stringMatching(/^ECDSA key/), value: { predicate } }]);
    });

  it("with RSA is believed too", async () => {
    const app = client.repository(`${embeddedHost}/rsa`);
    const image = await makeImage(["rsa"]);
    await pushImage(app, image, "1");
    await sign(`${embeddedHost}/rsa@${image.manifest.digest}`, "rsa");
    expect(await checkSignature(app, image.manifest.digest, await policyOf("ours", "rsa"))).toMatchObject({
      kind: "verified",
      by: expect.stringMatching(/^RSA key/),
    });
  });

  it("of an identity is believed by both of us", async () => {
    const app = client.repository(`${embeddedHost}/identity`);
    const image = await makeImage(["identity"]);
    await pushImage(app, image, "1");
    const { digest } = image.manifest;
    const [subject, issuer] = ["release@example.org", "https://issuer.example"];
    const sigstore = await makeSigstore();
    const key = makeKey("ecdsa");
    const certificate = await sigstore.certify(key, subject, issuer);
    const now = Math.floor(Date.now() / 1000) + 5;
    const layer = sigstore.enter(makePayload(digest, `${embeddedHost}/identity`), key, certificate, now);
    const [config, blob] = [makeBlob("{}", mediaTypes.config), makeBlob(layer.bytes, layer.mediaType)];
    const manifest = makeDocument({
      config: config.descriptor,
      layers: [{ ...blob.descriptor, annotations: layer.annotations }],
    });
    await pushImage(app, { manifest, blobs: [config, blob] }, `${digest.replace(":", "-")}.sig`);
    await writeFile(join(folder, "authority.pem"), sigstore.authority);
    await writeFile(join(folder, "log.pem"), sigstore.log);
    const verify = (who: string) =>
      run(
        cosign.path,
        [
          "verify",
          "--ca-roots",
          join(folder, "authority.pem"),
          "--insecure-ignore-sct",
          "--offline",
          "--allow-insecure-registry",
          "--certificate-identity",
          who,
          "--certificate-oidc-issuer",
          issuer,
          `${embeddedHost}/identity@${digest}`,
        ],
        { env: { ...process.env, SIGSTORE_REKOR_PUBLIC_KEY: join(folder, "log.pem") } },
      );
    const policy = { kind: "identity", issuer, trustedRoot: sigstore.trustedRoot } as const;
    expect((await verify(subject)).stdout).toContain(digest);
    expect(await checkSignature(app, digest, { ...policy, subject })).toEqual({ kind: "verified", by: subject });
    await expect(verify("someone@example.org")).rejects.toThrow(/none of the expected identities matched/);
    expect(await checkSignature(app, digest, { ...policy, subject: "someone@example.org" })).toMatchObject({
      kind: "refused",
    });
    await sigstore.remove();
  });

  it("is what openssl verifies, byte for byte", async () => {
    const app = client.repository(`${embeddedHost}/openssl`);
    const image = await makeImage(["openssl"]);
    await pushImage(app, image, "1");
    await sign(`${embeddedHost}/openssl@${image.manifest.digest}`, "ours");
    const manifest = await app.manifest(`${image.manifest.digest.replace(":", "-")}.sig`);
    const { layers } = JSON.parse(Buffer.from(manifest?.bytes ?? []).toString()) as {
      layers: { digest: `sha256:${string}`; size: number; mediaType: string; annotations: Record<string, string> }[];
    };
    const [layer] = layers;
    if (layer === undefined) throw new Error("cosign wrote no signature");
    const [payload, signature, key] = ["payload", "signature", "ours.pub"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(payload, await collectBytes(app.blob(layer), 65_536, "payload"));
    await writeFile(signature, Buffer.from(layer.annotations["dev.cosignproject.cosign/signature"] ?? "", "base64"));
    const { stdout } = await run("openssl", ["dgst", "-sha256", "-verify", key, "-signature", signature, payload]);
    expect(stdout).toContain("Verified OK");
    expect(await checkSignature(app, image.manifest.digest, await policyOf("ours"))).toMatchObject({
      kind: "verified",
    });
  });
});
