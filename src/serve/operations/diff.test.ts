import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it as plainIt } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { mediaTypes, type ImageConfig } from "../../core/image/index.ts";
import { createFeed } from "../../io/feeds/index.ts";
import { createImageReader, createLayerStore } from "../../io/layer/index.ts";
import { openLayout, writeDockerArchive } from "../../io/registry/index.ts";
import { sha256, type Digest } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import { watchFeeds } from "../../loop/watch/watch-feeds.ts";
import { operations, type Diff, type OperationRequest } from "../../operation/index.ts";
import { createDiff } from "./diff.ts";
import { createVex } from "./vex.ts";
import {
  createTestContext,
  declareFleet,
  finishBuild,
  openTestRegistry,
  packageCause,
  promote,
  pushImage,
  release,
  startRebuild,
  type TestRegistry,
} from "./testdata/test-fleet.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await openTestRegistry();
});
afterAll(() => registry.close());

type Asked = Pick<OperationRequest<"diff">, "a" | "b"> & Partial<OperationRequest<"diff">>;

async function ask(asked: Asked, fleet?: Context, localFiles = true): Promise<Diff> {
  const images = createImageReader(createLayerStore(join(registry.folder, "layers")));
  const signal = new AbortController().signal;
  const diff = createDiff({
    client: registry.client,
    images,
    signal,
    localFiles,
    ...(fleet === undefined ? {} : { fleet }),
  });
  return operations.diff.output.parse(await diff({ files: false, ...asked }));
}

describeStores("diff of the fleet's images", ({ it, store, clock }) => {
  const open = async (): Promise<Context> => {
    const ctx = createTestContext(store(), clock, registry);
    await declareFleet(ctx);
    return ctx;
  };

  it("compares environments, digests and images by name", async () => {
    const ctx = await open();
    const { digest: old } = await release(ctx, "web", { nginx: "1.0", tail: "1" });
    clock.advance(1);
    const lease = await startRebuild(ctx, "web", [packageCause("nginx", "1.0", "1.1")]);
    const digest = await finishBuild(ctx, lease, { nginx: "1.1", tail: "1" });
    await promote(ctx, lease, digest, "staging");

    const diff = await ask({ a: "web", b: "web:staging" }, ctx);
    expect(diff.a).toMatchObject({ reference: "web", digest: old, platform: "linux/amd64", packages: 2 });
    expect(diff.b).toMatchObject({ reference: "web:staging", digest, packages: 2 });
    expect(diff.packages).toEqual([
      { type: "deb", name: "nginx", architecture: "amd64", from: "1.0", to: "1.1", path: null },
    ]);
    expect(diff.layers.map(({ content, in: side }) => [content, side])).toEqual([
      ["package nginx", "a"],
      ["package nginx", "b"],
    ]);
    expect(diff).toMatchObject({ layersShared: 1, config: [], files: null });
    expect(await ask({ a: `web@${old.slice(7, 15)}`, b: `web@${digest}` }, ctx)).toMatchObject({
      packages: diff.packages,
    });
    expect(await ask({ a: "web:production", b: `${registry.host}/team/web@${old}` }, ctx)).toMatchObject({
      packages: [],
      layers: [],
      layersShared: 2,
    });
  });

  it("compares files where that is asked for, and says what became of each", async () => {
    const ctx = await open();
    const { digest: a } = await release(ctx, "web", { nginx: "1.0", old: "1" });
    clock.advance(1);
    const { digest: b } = await release(ctx, "web", { nginx: "1.1", extra: "1" }, [
      packageCause("nginx", "1.0", "1.1"),
    ]);
    const { files } = await ask({ a: `web@${a}`, b: `web@${b}`, files: true }, ctx);
    expect(files?.map(({ path, change }) => `${change} ${path}`)).toEqual([
      "added /usr/lib/extra",
      "changed /usr/lib/nginx",
      "removed /usr/lib/old",
      "added /var/lib/dpkg/status.d/extra",
      "added /var/lib/dpkg/status.d/extra.md5sums",
      "changed /var/lib/dpkg/status.d/nginx",
      "removed /var/lib/dpkg/status.d/old",
      "removed /var/lib/dpkg/status.d/old.md5sums",
    ]);
  });

  it("counts no advisory that people or documents set aside, and says whose word that is", async () => {
    const folder = join(registry.folder, "diff-feed");
    await mkdir(folder, { recursive: true });
    const record = (id: string, introduced: string, fixed: string): Promise<void> => {
      const ranges = [{ type: "ECOSYSTEM", events: [{ introduced }, { fixed }] }];
      const affected = [{ package: { ecosystem: "Debian:12", name: "nginx" }, ranges }];
      const modified = new Date(clock.now()).toISOString();
      return writeFile(join(folder, `${id}.json`), JSON.stringify({ id, modified, affected }));
    };
    await record("CVE-2026-1", "0", "1.1");
    await record("CVE-2026-2", "0", "2");
    await record("CVE-2026-3", "0", "2");
    await record("CVE-2026-4", "1.1", "2");
    const document = join(registry.folder, "said.openvex.json");
    const timestamp = new Date(clock.now()).toISOString();
    const statement = {
      vulnerability: { name: "CVE-2026-4" },
      products: [{ "@id": "pkg:deb/debian/nginx@1.1" }],
      status: "not_affected",
      justification: "vulnerable_code_not_in_execute_path",
    };
    const head = { "@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:said", version: 1 };
    await writeFile(document, JSON.stringify({ ...head, author: "nginx", timestamp, statements: [statement] }));
    const feed = createFeed({ name: "osv", kind: "osv", location: folder }, `${folder}-cache`, clock);
    const plain = createTestContext(store(), clock, registry, { feeds: [feed] });
    const ctx = { ...plain, config: { ...plain.config, vex: [document] } };
    await declareFleet(ctx);
    await watchFeeds(ctx);
    const { digest: old } = await release(ctx, "web", { "base-files": "12.4", nginx: "1.0" });
    clock.advance(1);
    const { digest } = await release(ctx, "web", { "base-files": "12.4", nginx: "1.1" }, [
      packageCause("nginx", "1.0", "1.1"),
    ]);
    const compare = async (a: string, b: string) => {
      const { advisories } = await ask({ a, b }, ctx);
      const shown = (list: Diff["advisories"]["closed"]) =>
        list.map(({ id, open, vex }) => [id, open, vex?.by ?? null]);
      const { closed, brought, remain, settled } = advisories;
      return { closed: shown(closed), brought: shown(brought), remain, settled: shown(settled) };
    };
    const byDocument = ["CVE-2026-4", false, "nginx"];
    expect(await compare(`web@${old}`, `web@${digest}`)).toEqual({
      closed: [["CVE-2026-1", true, null]],
      brought: [byDocument],
      remain: 2,
      settled: [],
    });
    const said = { status: "not_affected", justification: "component_not_present", reason: "no", by: "ann" } as const;
    await createVex(ctx).vexAdd({ ...said, vulnerability: "CVE-2026-2", image: "web" });
    const expected = {
      closed: [["CVE-2026-1", true, null]],
      brought: [byDocument],
      remain: 1,
      settled: [["CVE-2026-2", false, "ann"]],
    };
    expect(await compare(`web@${old}`, `web@${digest}`)).toEqual(expected);
    const place = `${registry.host}/team/web`;
    expect(await compare(`${place}@${old}`, `${place}@${digest}`)).toEqual(expected);
    const [one] = (await ask({ a: `web@${old}`, b: `web@${digest}` }, ctx)).advisories.settled;
    expect(one?.vex).toEqual({ status: "not_affected", by: "ann", reason: "component_not_present: no" });
  });

  it("says what an image of the fleet does not have", async () => {
    const ctx = await open();
    await expect(ask({ a: "base", b: "base" }, ctx)).rejects.toThrow("base has not been built yet");
    await expect(ask({ a: "base:staging", b: "base" }, ctx)).rejects.toThrow("base does not run in staging");
    await expect(ask({ a: "base@123456", b: "base" }, ctx)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("diff of any images", () => {
  const repository = () => registry.client.repository(`${registry.host}/any`);
  const push = (packages: Record<string, string>, config: Partial<ImageConfig>, tag: string) =>
    pushImage(repository(), packages, config, tag);

  plainIt("compares a registry, a layout and an archive, without a fleet", async () => {
    const dir = join(registry.folder, "layout");
    await pushImage(await openLayout(dir, { create: true }), { nginx: "1.0" }, {}, "v1");
    const archive = join(registry.folder, "image.tar");
    const writer = writeDockerArchive(archive, "localhost/any");
    await pushImage(writer, { nginx: "1.2" }, {}, "v3");
    await writer.finish();
    await push({ nginx: "1.1" }, {}, "v2");
    const versions = async (a: string, b: string) => (await ask({ a, b })).packages.map(({ from, to }) => [from, to]);
    expect(await versions(`oci:${dir}:v1`, `${registry.host}/any:v2`)).toEqual([["1.0", "1.1"]]);
    expect(await versions(`${registry.host}/any:v2`, `docker-archive:${archive}:v3`)).toEqual([["1.1", "1.2"]]);
    await expect(ask({ a: `oci:${dir}:v9`, b: `oci:${dir}:v1` })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  plainIt("keeps a server from looking at files for those who ask it", async () => {
    const dir = join(registry.folder, "kept");
    await pushImage(await openLayout(dir, { create: true }), { nginx: "1.0" }, {}, "latest");
    await push({ nginx: "1.0" }, {}, "kept");
    const b = `${registry.host}/any:kept`;
    expect((await ask({ a: dir, b })).packages).toEqual([]);
    for (const a of [dir, `oci:${dir}`, `docker-archive:${dir}`, "./kept", "~/kept"]) {
      await expect(ask({ a, b }, undefined, false)).rejects.toMatchObject({ code: "UNSUPPORTED" });
    }
    expect((await ask({ a: b, b }, undefined, false)).packages).toEqual([]);
  });

  plainIt("names each key of the configuration that differs", async () => {
    const config = (more: object): Partial<ImageConfig> => ({
      config: { Env: ["PATH=/bin", "A=1"], User: "app", ...more },
    });
    await push({ nginx: "1.0" }, config({ Labels: { one: "1" }, Cmd: ["nginx"] }), "a");
    await push(
      { nginx: "1.0" },
      config({ Env: ["PATH=/bin", "A=2=2"], Labels: { two: "2" }, Cmd: ["nginx", "-g"] }),
      "b",
    );
    const { config: found, layersShared } = await ask({ a: `${registry.host}/any:a`, b: `${registry.host}/any:b` });
    expect(layersShared).toBe(1);
    expect(found).toEqual([
      { path: "Cmd", from: '["nginx"]', to: '["nginx","-g"]' },
      { path: "Env.A", from: "1", to: "2=2" },
      { path: "Labels.one", from: "1", to: null },
      { path: "Labels.two", from: null, to: "2" },
    ]);
  });

  plainIt("takes the platform that is asked for, else one that both have, and names those there are", async () => {
    const amd64 = await push({ nginx: "1.0" }, {}, "amd64");
    const arm64 = await push({ nginx: "1.1" }, { architecture: "arm64" }, "arm64");
    const sizes = await Promise.all([amd64, arm64].map(async (one) => (await repository().resolve(one))?.size ?? 0));
    const entry = (digest: Digest, size: number, architecture: string) => ({
      mediaType: mediaTypes.manifest,
      digest,
      size,
      platform: { os: "linux", architecture },
    });
    const manifests = [entry(arm64, sizes[1] ?? 0, "arm64"), entry(amd64, sizes[0] ?? 0, "amd64")];
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }));
    await repository().putManifest({ digest: sha256(bytes), mediaType: mediaTypes.index, bytes }, "both");
    const [both, one] = [`${registry.host}/any:both`, `${registry.host}/any:arm64`];
    expect(await ask({ a: both, b: both })).toMatchObject({ a: { platform: "linux/amd64", digest: sha256(bytes) } });
    expect(await ask({ a: both, b: one })).toMatchObject({ a: { platform: "linux/arm64" }, packages: [] });
    await expect(ask({ a: both, b: one, platform: "linux/amd64" })).rejects.toThrow(
      /both have linux\/amd64: .*arm64 has linux\/arm64/,
    );
    await expect(ask({ a: both, b: one, platform: "???" })).rejects.toMatchObject({ code: "BAD_PLATFORM" });
  });
});
