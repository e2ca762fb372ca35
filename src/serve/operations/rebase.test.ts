import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createImageReader, createLayerStore } from "../../io/layer/index.ts";
import { openLayout } from "../../io/registry/index.ts";
import { sha256 } from "../../lib/index.ts";
import { operations, type OperationRequest, type Rebase } from "../../operation/index.ts";
import { createRebase } from "./rebase.ts";
import { openTestRegistry, pushImage, type TestRegistry } from "./testdata/test-fleet.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await openTestRegistry();
  await push("base", { "base-files": "1", libx: "1" }, "old");
  await push("base", { "base-files": "1", libx: "2" }, "new");
});
afterAll(() => registry.close());

function push(name: string, packages: Readonly<Record<string, string>>, tag: string) {
  return pushImage(registry.client.repository(`${registry.host}/${name}`), packages, {}, tag);
}

async function ask(
  request: Pick<OperationRequest<"rebase">, "image" | "onto"> & Partial<OperationRequest<"rebase">>,
  localFiles = true,
): Promise<Rebase> {
  const images = createImageReader(createLayerStore(join(registry.folder, "layers")));
  const { signal } = new AbortController();
  const rebase = createRebase({ client: registry.client, images, localFiles, signal });
  return operations.rebase.output.parse(await rebase({ dryRun: false, ...request }));
}

describe("rebase of any image", () => {
  it("writes to the image's own repository and moves no tag, or to where it is told", async () => {
    const from = await push("app", { "base-files": "1", libx: "1", app: "1" }, "1");
    const image = `${registry.host}/app:1`;
    const sides = { image, onto: `${registry.host}/base:new`, oldBase: `${registry.host}/base:old` };
    const dry = await ask({ ...sides, dryRun: true });
    expect(dry).toMatchObject({ kind: "rebased", from, written: null, bytesUploaded: 0 });
    const done = await ask(sides);
    if (done.kind !== "rebased") throw new Error(JSON.stringify(done));
    expect(done.written).toBe(`${registry.host}/app@${done.digest}`);
    const repository = registry.client.repository(image);
    expect((await repository.resolve("1"))?.digest).toBe(from);

    expect(await ask({ ...sides, to: image })).toMatchObject({ written: `${image}@${done.digest}` });
    expect((await repository.resolve("1"))?.digest).toBe(done.digest);
    expect(await ask(sides)).toMatchObject({ kind: "unchanged", digest: done.digest });
    // The annotation of the rebased image is enough.
    expect(await ask({ image, onto: `${registry.host}/base:old` })).toMatchObject({
      kind: "rebased",
      oldBase: done.base,
    });

    const folder = join(registry.folder, "layout");
    const back = await ask({ image, onto: `${registry.host}/base:old`, to: `${folder}:app` });
    expect((await (await openLayout(folder)).resolve("app"))?.digest).toBe(back.kind === "rebased" ? back.digest : "");
    const local = await ask({ image: `oci:${folder}:app`, onto: sides.onto, oldBase: sides.oldBase, dryRun: true });
    expect(local).toMatchObject({ kind: "rebased" });
    await expect(ask({ image: `oci:${folder}:app`, onto: sides.onto })).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("is refused with each reason, as data", async () => {
    await push("clash", { "base-files": "1", libx: "1", own: "1" }, "1");
    await push("base", { "base-files": "1", libx: "1", own: "2" }, "clash");
    const answer = await ask({
      image: `${registry.host}/clash:1`,
      onto: `${registry.host}/base:clash`,
      oldBase: `${registry.host}/base:old`,
    });
    expect(answer).toMatchObject({ kind: "refused" });
    expect(answer.kind === "refused" ? answer.reasons : []).toContainEqual({
      code: "overwrites",
      platform: "linux/amd64",
      path: "usr/lib/own",
      package: null,
      library: null,
      message: expect.stringContaining("usr/lib/own"),
    });
  });

  it("does not let an image send us to a host of its choice", async () => {
    const name = "other.example.invalid/base:1";
    const repository = registry.client.repository(`${registry.host}/sly`);
    const plain = await pushImage(repository, { "base-files": "1", libx: "1", app: "1" }, {}, "plain");
    const raw = await repository.manifest(plain);
    const document = JSON.parse(Buffer.from(raw?.bytes ?? []).toString("utf8")) as object;
    const bytes = Buffer.from(
      JSON.stringify({ ...document, annotations: { "org.opencontainers.image.base.name": name } }),
    );
    const digest = sha256(bytes);
    await repository.putManifest({ digest, mediaType: raw?.mediaType ?? "", bytes }, "1");
    const answer = await ask({ image: `${registry.host}/sly:1`, onto: `${registry.host}/base:new` });
    expect(answer).toMatchObject({ kind: "refused", reasons: [{ code: "base-unknown" }] });
  });

  it("leaves files alone where somebody else's server is asked", async () => {
    await expect(ask({ image: "./layout", onto: `${registry.host}/base:new` }, false)).rejects.toMatchObject({
      code: "UNSUPPORTED",
    });
  });
});
