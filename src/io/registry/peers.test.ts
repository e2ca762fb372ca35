import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildGoProgram } from "../../../test/go-program.ts";
import { needs } from "../../../test/needs.ts";
import type { RawManifest } from "../../core/image/index.ts";
import {
  copyImage,
  createRegistryClient,
  createRegistryServer,
  openLayout,
  type RegistryClient,
  type RegistryServer,
  type Repository,
} from "./index.ts";
import { makeArtifact, makeFolder, makeImage, makeIndex, pushImage, type MadeImage } from "./testdata/make-image.ts";

const run = promisify(execFile);
const crane = await buildGoProgram("github.com/google/go-containerregistry/cmd/crane@v0.22.1");
const missingSkopeo = await run("skopeo", ["--version"]).then(
  () => undefined,
  () => "skopeo, which is not installed",
);
const missingDocker = await run("docker", ["info"]).then(
  () => undefined,
  () => "a docker daemon",
);

let folder: Awaited<ReturnType<typeof makeFolder>>;
let server: RegistryServer;
let client: RegistryClient;
let host: string;
let app: Repository;
let image: MadeImage;
let index: RawManifest;

beforeAll(async () => {
  folder = await makeFolder();
  server = await createRegistryServer({ dir: folder.path("registry") });
  ({ host } = await server.listen(0));
  client = createRegistryClient();
  app = client.repository(`${host}/app`);
  image = await makeImage(["one", "two", "three", randomBytes(2_000_000).toString("base64"), "five"]);
  const arm = await makeImage(["one", "for arm"], "arm64");
  index = makeIndex({ amd64: image, arm64: arm });
  await pushImage(app, image, "image");
  await pushImage(app, arm);
  await app.putManifest(index, "index");
});
afterAll(async () => {
  await client.close();
  await server.close();
  await folder.remove();
});

const digestOf = async (repository: string, reference: string): Promise<string | undefined> =>
  (await client.repository(`${host}/${repository}`).resolve(reference))?.digest;

describe("crane", () => {
  const it = needs(crane.missing);
  const ask = async (...words: string[]): Promise<string> => (await run(crane.path, words)).stdout.trim();

  it("finds an image of several layers and an index valid", async () => {
    for (const reference of ["app:image", "app:index", `app@${index.digest}`]) {
      expect(await ask("validate", "--remote", `${host}/${reference}`)).toMatch(/^PASS/);
    }
    expect(await ask("digest", `${host}/app:index`)).toBe(index.digest);
    expect((await ask("ls", `${host}/app`)).split("\n").sort()).toEqual(["image", "index"]);
  });

  it("copies, tags and deletes", async () => {
    await ask("copy", `${host}/app:index`, `${host}/by/crane:1`);
    expect(await digestOf("by/crane", "1")).toBe(index.digest);
    await ask("tag", `${host}/by/crane:1`, "2");
    await ask("delete", `${host}/by/crane:1`);
    expect(await client.repository(`${host}/by/crane`).tags()).toEqual(["2"]);
    expect(await ask("validate", "--remote", `${host}/by/crane:2`)).toMatch(/^PASS/);
  });

  it("pushes what it pulled, as a layout and as docker's archive", async () => {
    await ask("pull", "--format", "oci", `${host}/app:image`, folder.path("crane-layout"));
    await ask("push", folder.path("crane-layout"), `${host}/by/crane:layout`);
    expect(await digestOf("by/crane", "layout")).toBe(image.manifest.digest);
    await ask("pull", "--platform", "linux/amd64", `${host}/app:index`, folder.path("crane.tar"));
    await ask("push", folder.path("crane.tar"), `${host}/by/crane:archive`);
    expect(await ask("validate", "--remote", `${host}/by/crane:archive`)).toMatch(/^PASS/);
  });
});

describe("skopeo", () => {
  const it = needs(missingSkopeo);
  const copy = (from: string, to: string): Promise<unknown> =>
    run("skopeo", [
      "copy",
      "--insecure-policy",
      "--all",
      "--preserve-digests",
      "--src-tls-verify=false",
      "--dest-tls-verify=false",
      from,
      to,
    ]);

  it("copies an index to a layout and back, digests unchanged, and we read the layout", async () => {
    const layout = folder.path("skopeo-layout");
    await copy(`docker://${host}/app:index`, `oci:${layout}:1`);
    await copy(`oci:${layout}:1`, `docker://${host}/by/skopeo:1`);
    expect(await digestOf("by/skopeo", "1")).toBe(index.digest);
    const ours = client.repository(`${host}/by/us`);
    expect(await copyImage(await openLayout(layout), "1", ours, { tag: "1" })).toMatchObject({ digest: index.digest });
  });

  it("reads a layout that we wrote", async () => {
    const layout = folder.path("our-layout");
    await copyImage(app, "index", await openLayout(layout, { create: true }), { tag: "1" });
    await copy(`oci:${layout}:1`, `docker://${host}/by/skopeo:ours`);
    expect(await digestOf("by/skopeo", "ours")).toBe(index.digest);
  });

  it("lists tags and deletes", async () => {
    await copy(`docker://${host}/app:image`, `docker://${host}/by/skopeo2:gone`);
    const listed = await run("skopeo", ["list-tags", "--tls-verify=false", `docker://${host}/by/skopeo2`]);
    expect(JSON.parse(listed.stdout)).toMatchObject({ Tags: ["gone"] });
    await run("skopeo", ["delete", "--tls-verify=false", `docker://${host}/by/skopeo2:gone`]);
    expect(await digestOf("by/skopeo2", "gone")).toBeUndefined();
  });
});

describe("docker", () => {
  const it = needs(missingDocker);

  it("pulls an image, alone and from an index, and pushes it again", async () => {
    const names = [`${host}/app:image`, `${host}/app:index`, `${host}/by/docker:1`];
    const [alone = "", fromIndex = "", pushed = ""] = names;
    try {
      await run("docker", ["pull", "-q", alone]);
      await run("docker", ["pull", "-q", "--platform", "linux/amd64", fromIndex]);
      await run("docker", ["tag", alone, pushed]);
      await run("docker", ["push", "-q", pushed]);
      const manifest = await client.repository(`${host}/by/docker`).manifest("1");
      const layers = (JSON.parse(Buffer.from(manifest?.bytes ?? []).toString("utf8")) as { layers: unknown[] }).layers;
      expect(layers).toHaveLength(5);
      await run("docker", ["rmi", "-f", pushed]);
      await run("docker", ["pull", "-q", pushed]);
    } finally {
      await run("docker", ["rmi", "-f", ...names]).catch(() => undefined);
    }
  });
});

describe("an artifact", () => {
  needs(crane.missing)("is valid to crane, and its subject too", async () => {
    const signature = makeArtifact(image.manifest, "application/x-signature", "signed");
    await pushImage(app, signature, "signature");
    const { stdout } = await run(crane.path, ["manifest", `${host}/app:signature`]);
    expect(JSON.parse(stdout)).toMatchObject({ subject: { digest: image.manifest.digest } });
    const listed = await fetch(`http://${host}/v2/app/referrers/${image.manifest.digest}`);
    expect(await listed.json()).toMatchObject({ manifests: [{ digest: signature.manifest.digest }] });
  });
});
