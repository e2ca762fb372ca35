import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { annotationKeys, mediaTypes, parseIndex, parseManifest, type ImageConfig } from "../../core/image/index.ts";
import { createImageReader, createLayerStore } from "../../io/layer/index.ts";
import { makeTar, type Member } from "../../io/layer/testdata/make-tar.ts";
import {
  createRegistryClient,
  createRegistryServer,
  openLayout,
  type RegistryClient,
  type RegistryServer,
  type Repository,
} from "../../io/registry/index.ts";
import { canonicalJson, collectBytes, sha256, type Digest } from "../../lib/index.ts";
import { createRebaser, type RebaseOutcome, type Rebaser, type RebaseRequest } from "./index.ts";

let folder: string;
let servers: RegistryServer[];
let hosts: string[];
let client: RegistryClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-rebase-"));
  servers = await Promise.all(["a", "b"].map((name) => createRegistryServer({ dir: join(folder, name) })));
  hosts = await Promise.all(servers.map(async (server) => (await server.listen(0)).host));
  client = createRegistryClient();
});
afterAll(async () => {
  await client.close();
  for (const server of servers) await server.close();
  await rm(folder, { recursive: true, force: true });
});

type Layers = readonly (readonly Member[])[];

interface Made {
  readonly layers: Layers;
  readonly architecture?: string;
  readonly config?: Partial<ImageConfig>;
  readonly annotations?: Readonly<Record<string, string>>;
}

function repository(name: string, host = 0): Repository {
  return client.repository(`${hosts[host]}/${name}`);
}

async function push(target: Repository, made: Made): Promise<{ digest: Digest; size: number; mediaType: string }> {
  const tars = made.layers.map((members) => makeTar(members));
  const put = async (bytes: Buffer, mediaType: string) => {
    const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
    await target.putBlob(descriptor, async function* () {
      yield await Promise.resolve(bytes);
    });
    return descriptor;
  };
  const config = {
    os: "linux",
    architecture: made.architecture ?? "amd64",
    created: "2026-01-01T00:00:00Z",
    rootfs: { type: "layers", diff_ids: tars.map((tar) => sha256(tar)) },
    history: tars.map((_, at) => ({ created_by: `layer ${at}` })),
    ...made.config,
  };
  const layers = [];
  for (const tar of tars) layers.push(await put(gzipSync(tar), mediaTypes.layerGzip));
  const bytes = Buffer.from(
    canonicalJson({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: await put(Buffer.from(canonicalJson(config)), mediaTypes.config),
      layers,
      ...(made.annotations === undefined ? {} : { annotations: made.annotations }),
    }),
  );
  const digest = sha256(bytes);
  await target.putManifest({ digest, mediaType: mediaTypes.manifest, bytes });
  return { digest, size: bytes.length, mediaType: mediaTypes.manifest };
}

async function pushIndex(target: Repository, images: readonly Made[], more: readonly object[] = []): Promise<Digest> {
  const manifests: object[] = [];
  for (const image of images) {
    const platform = { os: "linux", architecture: image.architecture ?? "amd64" };
    manifests.push({ ...(await push(target, image)), platform });
  }
  const bytes = Buffer.from(
    canonicalJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [...manifests, ...more] }),
  );
  const digest = sha256(bytes);
  await target.putManifest({ digest, mediaType: mediaTypes.index, bytes });
  return digest;
}

const passwd = (more: string): Member => ({ name: "etc/passwd", body: `root:x:0:0::/root:/bin/sh\n${more}` });
const oldBase: Layers = [[{ name: "etc/", flag: "5" }, passwd("")], [{ name: "usr/tool", body: "1" }]];
const newBase: Layers = [[{ name: "etc/", flag: "5" }, passwd("base:x:7:7::/:\n")], [{ name: "usr/tool", body: "2" }]];
const own: Member[] = [passwd("app:x:8:8::/:\n"), { name: "srv/app", body: "app" }];

function rebaser(folderName = "facts"): Rebaser {
  return createRebaser({
    images: createImageReader(createLayerStore(join(folder, folderName))),
    findBase: async (hint) => {
      const digest = hint.digest as Digest | undefined;
      const found = digest && (await repository("base").manifest(digest));
      return found && digest ? { source: repository("base"), reference: digest } : undefined;
    },
  });
}

interface Sides {
  readonly image: Digest;
  readonly old?: Digest;
  readonly base: Digest;
}

function requestOf(name: string, { image, old, base }: Sides, change: Partial<RebaseRequest> = {}): RebaseRequest {
  const at = (reference: Digest) => ({ source: repository("base"), reference });
  return {
    image: { source: repository(name), reference: image },
    ...(old === undefined ? {} : { oldBase: at(old) }),
    base: at(base),
    sink: repository(name),
    mountFrom: ["base"],
    ...change,
  };
}

/** The bases, and an image on the old one in a repository of its own. */
async function pushSides(
  name: string,
  layers: Layers = [own],
  image: Partial<Made> = {},
): Promise<Sides & { old: Digest }> {
  const old = (await push(repository("base"), { layers: oldBase })).digest;
  const base = (await push(repository("base"), { layers: newBase, config: { created: "2026-02-01T00:00:00Z" } }))
    .digest;
  const made = await push(repository(name), { layers: [...oldBase, ...layers], ...image });
  return { image: made.digest, old, base };
}

function rebasedOf(outcome: RebaseOutcome): Extract<RebaseOutcome, { kind: "rebased" }> {
  if (outcome.kind !== "rebased") throw new Error(JSON.stringify(outcome));
  return outcome;
}

describe("a rebased image", () => {
  it("has the new base's layers, the application's, and one with what both changed; the same bytes every time", async () => {
    const sides = await pushSides("one");
    const before = client.stats();
    const first = rebasedOf(await rebaser().rebase(requestOf("one", sides)));
    const { requests, bytesUp } = client.stats();
    expect(requests - before.requests).toBeLessThan(20);
    expect(bytesUp - before.bytesUp).toBeLessThan(3000);

    const raw = await repository("one").manifest(first.digest);
    const manifest = parseManifest(raw?.bytes ?? Buffer.alloc(0));
    expect(manifest.layers).toHaveLength(4);
    expect(manifest.annotations).toEqual({ [annotationKeys.baseDigest]: sides.base });
    const config = JSON.parse(
      (await collectBytes(repository("one").blob(manifest.config), 100_000, "config")).toString("utf8"),
    ) as ImageConfig;
    expect(config.created).toBe("2026-02-01T00:00:00Z");
    expect(config.history).toHaveLength(4);

    const images = createImageReader(createLayerStore(join(folder, "facts")));
    const [platform] = (await images.read(repository("one"), first.digest)).platforms;
    const etc = platform?.tree.root.children?.get("etc")?.children?.get("passwd");
    expect(Buffer.from(etc?.entry.content ?? []).toString("utf8")).toBe(
      "root:x:0:0::/root:/bin/sh\nbase:x:7:7::/:\napp:x:8:8::/:\n",
    );
    // Another process, with nothing in its cache.
    const again = await rebaser("other").rebase(requestOf("one", sides));
    expect(again).toMatchObject({ kind: "rebased", digest: first.digest });
  });

  it("is rebased again without a second layer of ours, and is unchanged on the base that it stands on", async () => {
    const { image, old, base } = await pushSides("again");
    const first = rebasedOf(await rebaser().rebase(requestOf("again", { image, old, base })));
    expect(await rebaser().rebase(requestOf("again", { image: first.digest, base }))).toMatchObject({
      kind: "unchanged",
    });
    // Its own annotation says what it stands on.
    const back = rebasedOf(await rebaser().rebase(requestOf("again", { image: first.digest, base: old })));
    expect(back).toMatchObject({ oldBase: base, platforms: [{ layers: { base: 2, application: 1 } }] });
    const forth = rebasedOf(await rebaser().rebase(requestOf("again", { image: back.digest, base })));
    expect(forth.digest).toBe(first.digest);
  });

  it("goes to another registry, and to a layout, with the layers that are missing there", async () => {
    const sides = await pushSides("far");
    const sink = repository("far", 1);
    const sent = rebasedOf(await rebaser().rebase(requestOf("far", sides, { sink, mountFrom: [] })));
    expect(await sink.resolve(sent.digest)).toBeDefined();
    const layout = await openLayout(join(folder, "layout"), { create: true });
    const written = rebasedOf(await rebaser().rebase(requestOf("far", sides, { sink: layout, mountFrom: [] })));
    expect(written.digest).toBe(sent.digest);
  });

  it("is only described where there is no sink", async () => {
    const sides = await pushSides("dry");
    const described = rebasedOf(await rebaser().rebase(requestOf("dry", sides, { sink: undefined })));
    expect(await repository("dry").resolve(described.digest)).toBeUndefined();
    expect(rebasedOf(await rebaser().rebase(requestOf("dry", sides))).digest).toBe(described.digest);
  });

  it("has every platform of the image, and no attestation of what it was", async () => {
    const arm = { architecture: "arm64" };
    const both = (layers: Layers): Made[] => [{ layers }, { layers, ...arm }];
    const old = await pushIndex(repository("base"), both(oldBase));
    const base = await pushIndex(repository("base"), both(newBase));
    const attested = await push(repository("multi"), {
      layers: [],
      architecture: "unknown",
      config: { os: "unknown" },
    });
    const image = await pushIndex(repository("multi"), both([...oldBase, own]), [
      { ...attested, platform: { os: "unknown", architecture: "unknown" } },
    ]);
    const { digest, platforms } = rebasedOf(await rebaser().rebase(requestOf("multi", { image, old, base })));
    expect(platforms.map(({ platform }) => platform)).toEqual(["linux/amd64", "linux/arm64"]);
    const raw = await repository("multi").manifest(digest);
    expect(parseIndex(raw?.bytes ?? Buffer.alloc(0)).manifests.map(({ platform }) => platform?.architecture)).toEqual([
      "amd64",
      "arm64",
    ]);
    const single = (await push(repository("base"), { layers: newBase })).digest;
    expect(await rebaser().rebase(requestOf("multi", { image, old, base: single }))).toMatchObject({
      kind: "refused",
      reasons: [{ code: "platform", platform: "linux/arm64" }],
    });
  });
});

describe("a rebase is refused", () => {
  it("where nothing says what the image stands on, or what is said is not so", async () => {
    const { image, base } = await pushSides("lost");
    const unknown = await rebaser().rebase(requestOf("lost", { image, base }));
    expect(unknown).toMatchObject({ kind: "refused", reasons: [{ code: "base-unknown" }] });
    const other = (await push(repository("base"), { layers: [[{ name: "else", body: "x" }]] })).digest;
    const wrong = await rebaser().rebase(requestOf("lost", { image, base, old: other }));
    expect(wrong).toMatchObject({ kind: "refused", reasons: [{ code: "base-unknown", platform: "linux/amd64" }] });
  });

  it("and nothing is written", async () => {
    const sides = await pushSides("stays", [[{ name: "usr/tool", body: "mine" }]]);
    const before = client.stats().bytesUp;
    expect(await rebaser().rebase(requestOf("stays", sides))).toMatchObject({
      kind: "refused",
      reasons: [{ code: "overwrites", path: "usr/tool" }],
    });
    expect(client.stats().bytesUp).toBe(before);
  });

  it("where an image pretends that its last layer is one of ours, and it holds more than that", async () => {
    const history = ["0", "1", "tidemill: package database merged with that of the new base"].map((created_by) => ({
      created_by,
    }));
    const sides = await pushSides("false", [[{ name: "srv/secret", body: "x" }]], { config: { history } });
    expect(await rebaser().rebase(requestOf("false", sides))).toMatchObject({
      kind: "refused",
      reasons: [{ path: "srv/secret" }],
    });
  });
});
