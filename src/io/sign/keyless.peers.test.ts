import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildGoProgram } from "../../../test/go-program.ts";
import { needs } from "../../../test/needs.ts";
import { workflow } from "../../../test/fakes/openid-issuer.ts";
import { missingSigstore, startSigstore, type Sigstore } from "../../../test/sigstore/start-sigstore.ts";
import { formatStatement, predicateTypes } from "../../core/evidence/index.ts";
import { trustIdentity, type IdentityPolicy } from "../../core/signature/index.ts";
import {
  createRegistryClient,
  createRegistryServer,
  type RegistryClient,
  type RegistryServer,
} from "../registry/index.ts";
import { makeImage, pushImage } from "../registry/testdata/make-image.ts";
import { openKeylessSigner, attachBundle, readEvidence, type KeylessSetting } from "./index.ts";

const cosign = await buildGoProgram("github.com/sigstore/cosign/v2/cmd/cosign@v2.6.1");
const missing = cosign.missing ?? missingSigstore;
const run = promisify(execFile);

let folder: string;
let sigstore: Sigstore;
let server: RegistryServer;
let host: string;
let client: RegistryClient;
beforeAll(async () => {
  if (missing !== undefined) return;
  folder = await mkdtemp(join(tmpdir(), "tidemill-keyless-"));
  sigstore = await startSigstore();
  server = await createRegistryServer({ dir: join(folder, "registry") });
  ({ host } = await server.listen(0));
  client = createRegistryClient();
}, 600_000);
afterAll(async () => {
  if (missing !== undefined) return;
  await client.close();
  await server.close();
  await sigstore.close();
  await rm(folder, { recursive: true, force: true });
});

const policy = (more: Partial<IdentityPolicy> = {}): IdentityPolicy => ({
  kind: "identity",
  issuer: sigstore.issuer.address,
  subject: workflow,
  trustedRoot: sigstore.trustedRoot,
  ...more,
});
const setting = async (more: Partial<KeylessSetting> = {}): Promise<KeylessSetting> => {
  await writeFile(join(folder, "token"), `${sigstore.issuer.token()}\n`);
  const { fulcio, rekor, timestamp } = sigstore;
  const token = { kind: "file", path: join(folder, "token") } as const;
  const identity = trustIdentity(policy());
  return { identity, fulcio, rekor, timestamp, token, audience: "sigstore", env: {}, ...more };
};

describe("what is signed by an identity, with Sigstore's own authority, log and timestamps", () => {
  const it = needs(missing);

  it("is believed here and by cosign, by whom it names, and by nobody else", async () => {
    const app = client.repository(`${host}/app`);
    const image = await makeImage(["keyless"]);
    await pushImage(app, image, "1");
    const { digest } = image.manifest;
    const subject = { mediaType: image.manifest.mediaType, digest, size: image.manifest.bytes.length };
    const signer = await openKeylessSigner(await setting());
    for (const [type, predicate] of [
      [predicateTypes.signature, {}],
      [
        predicateTypes.provenance,
        { buildDefinition: { buildType: "urn:x", externalParameters: {} }, runDetails: { builder: { id: "urn:y" } } },
      ],
    ] as const) {
      const statement = formatStatement([{ name: "app", digest }], type, predicate);
      await attachBundle(app, subject, Buffer.from(await signer.bundle(statement)), type);
    }
    const kindsBy = async (more: Partial<IdentityPolicy>) =>
      (await readEvidence(app, digest, [digest], [trustIdentity(policy(more))])).found.map(({ kind }) => kind).sort();
    expect(await kindsBy({})).toEqual(["provenance", "signature"]);
    expect(
      await kindsBy({
        subject: { pattern: "https://github\\.com/acme/deploy/[^@]+@refs/heads/main" },
        subjectKind: "uri",
      }),
    ).toHaveLength(2);
    expect(
      await kindsBy({
        claims: {
          sourceRepository: "https://github.com/acme/deploy",
          sourceRef: "refs/heads/main",
          runnerEnvironment: "github-hosted",
        },
      }),
    ).toHaveLength(2);
    for (const other of [
      { subject: "https://github.com/acme/other" },
      { issuer: "https://token.actions.githubusercontent.com" },
      { claims: { sourceRef: "refs/heads/next" } },
      { until: Date.now() - 3_600_000 },
      { subjectKind: "email" as const },
      { thresholds: { logs: 2 } },
      { thresholds: { timestamps: 2 } },
      { thresholds: { certificateLogs: 1 } },
    ])
      expect(await kindsBy(other), JSON.stringify(other)).toEqual([]);

    const verify = (identity: string, ...command: string[]) =>
      run(cosign.path, [
        ...command,
        "--certificate-identity",
        identity,
        "--certificate-oidc-issuer",
        sigstore.issuer.address,
        "--trusted-root",
        sigstore.trustedRootPath,
        "--new-bundle-format",
        "--use-signed-timestamps",
        "--insecure-ignore-sct",
        "--allow-insecure-registry",
        `${host}/app@${digest}`,
      ]);
    expect((await verify(workflow, "verify")).stdout).toContain(digest);
    const { stdout } = await verify(workflow, "verify-attestation", "--type", "slsaprovenance1");
    const { payload } = JSON.parse(stdout.trim().split("\n")[0] ?? "") as { payload: string };
    expect(Buffer.from(payload, "base64").toString()).toContain("https://slsa.dev/provenance/v1");
    await expect(verify("https://github.com/acme/other", "verify")).rejects.toThrow(/expected SAN value/);
  }, 120_000);
});
