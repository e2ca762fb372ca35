import { rm, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parseConfig, type Config } from "../../../core/config/index.ts";
import { formatPlatform, mediaTypes, type Descriptor, type ImageConfig } from "../../../core/image/index.ts";
import { readInventory } from "../../../core/inventory/index.ts";
import { createUniverse } from "../../../core/packages/index.ts";
import type { Cause } from "../../../core/plan/index.ts";
import type { Distro, SuiteGeneration, SuiteSource } from "../../../io/distro/index.ts";
import { createImageReader, createLayerStore } from "../../../io/layer/index.ts";
import { makeTar, type Member } from "../../../io/layer/testdata/make-tar.ts";
import {
  createRegistryClient,
  createRegistryServer,
  createTagAsker,
  type RegistryClient,
  type Repository,
} from "../../../io/registry/index.ts";
import type { Candidate, KeyedCause, Lease, PlannedRebuild, Rebuild, Store } from "../../../io/store/index.ts";
import { sha256, silentLogger, type Clock, type Digest, type Instant } from "../../../lib/index.ts";
import { loadBelievedBases } from "../../../loop/believed-bases.ts";
import { repositoryName, type Context } from "../../../loop/context.ts";

const configText = `
version: 1
upstreams:
  debian: { kind: debian, codename: bookworm, mirror: "http://127.0.0.1:9/debian" }
environments: [{ name: staging, soak: 10m }, { name: production }]
images:
  base: { recipe: packages, upstream: debian, packages: [libc6] }
  web: { recipe: packages, upstream: debian, parent: base, packages: [nginx], repository: team/web }
`;

/** A configuration of two images, `web` on `base`, in two environments. */
export function testConfig(change: (text: string) => string = (text) => text): Config {
  const parsed = parseConfig(change(configText), {});
  if (parsed.kind === "ok") return parsed.config;
  throw new Error(parsed.problems.map(({ message }) => message).join("\n"));
}

/** A suite as the watch has it. */
export function testSuite(name = "debian/bookworm-security"): SuiteSource {
  return {
    name,
    mirror: "http://127.0.0.1:9/debian",
    suite: "bookworm-security",
    codename: "bookworm-security",
    components: ["main"],
    architectures: ["amd64"],
    keys: [],
    security: true,
  };
}

/** An embedded registry that listens, and a client of it. */
export interface TestRegistry {
  readonly host: string;
  readonly client: RegistryClient;
  readonly folder: string;
  close(): Promise<void>;
}

export async function openTestRegistry(): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-operations-"));
  const server = await createRegistryServer({ dir: join(folder, "registry") });
  const { host } = await server.listen(0);
  const client = createRegistryClient();
  const close = async (): Promise<void> => {
    await client.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { host, client, folder, close };
}

export interface TestContextOptions {
  readonly config?: Config;
  /** What the suite offers: versions by package. */
  readonly offers?: Readonly<Record<string, string>>;
  readonly feeds?: Context["feeds"];
  readonly evidence?: Context["evidence"];
}

/** A context on a store and a registry, whose one suite offers what is said. */
export function createTestContext(
  store: Store,
  clock: Clock,
  registry: TestRegistry,
  options: TestContextOptions = {},
): Context {
  const { config = testConfig(), offers = {}, feeds = [] } = options;
  return {
    config,
    home: registry.folder,
    clock,
    log: silentLogger(),
    store,
    distro: distroOf(offers, clock),
    suites: new Map([["debian", [testSuite()]]]),
    feeds,
    images: createImageReader(createLayerStore(join(registry.folder, "layers"))),
    sources: { refs: () => [], look: unused, open: unused },
    bumps: {
      git: { look: unused, fetch: unused },
      branches: { edit: unused, propose: unused, withdraw: unused },
      bumper: { findLocks: unused, keyOf: unused, bump: unused },
      forgeOf: () => undefined,
      publicUrl: (url) => url,
    },
    builder: unused,
    believedBases: () => loadBelievedBases(store),
    bases: { registries: registry.client, asker: createTagAsker(registry.client, { clock }), clock },
    baseRepository: (reference) => registry.client.repository(reference),
    engine: undefined,
    evidence: options.evidence,
    pullName: (image, own) => `${own ?? registry.host}/${repositoryName(config, image)}`,
    targetOf: () => {
      throw new Error("not in this test");
    },
    pipelineOf: () => {
      throw new Error("no image of it is built by a pipeline");
    },
    repositoryOf: (image) => registry.client.repository(`${registry.host}/${repositoryName(config, image)}`),
    cacheDir: registry.folder,
    owner: "test",
    emit: () => undefined,
    signal: new AbortController().signal,
  };
}

const unused = () => Promise.reject(new Error("not in this test"));

function distroOf(offers: Readonly<Record<string, string>>, clock: Clock): Distro {
  const stanza = ([name, version]: [string, string]): string =>
    `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nFilename: pool/${name}.deb\nSize: 1\nSHA256: ${"0".repeat(64)}\n\n`;
  const generation: SuiteGeneration = {
    source: testSuite().name,
    suite: "bookworm-security",
    codename: "bookworm-security",
    date: clock.now(),
    validUntil: undefined,
    digest: sha256(JSON.stringify(offers)),
    indices: [],
  };
  const bytes = Buffer.from(Object.entries(offers).map(stanza).join(""));
  return {
    refresh: () => Promise.resolve({ kind: "unchanged", generation }),
    generation: () => Promise.resolve(generation),
    universe: () => Promise.resolve(createUniverse("amd64", [{ origin: testSuite().name, bytes }])),
    fetchPackage: unused,
  };
}

/** Says that the suite was seen now, with a generation of this date. */
export async function seeSuite(store: Store, date: Instant, key = "generation-1"): Promise<void> {
  const { name, suite, codename, security } = testSuite();
  await store.saveUpstreams([{ name, kind: "suite", detail: { suite, codename, security } }]);
  await store.saveObservation({ upstream: name, contentKey: key, detail: { date } });
  await store.saveUpstreamAttempt(name);
}

/** A package as a layer of its own: its entry in dpkg's database, and one file; `base-files` says that it is Debian 12. */
export function packageLayer(name: string, version: string): Member[] {
  const control = `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nSource: ${name}\n`;
  return [
    { name: `usr/lib/${name}`, body: `code of ${name} ${version}` },
    { name: `var/lib/dpkg/status.d/${name}`, body: control },
    { name: `var/lib/dpkg/status.d/${name}.md5sums`, body: "" },
    ...(name === "base-files" ? [{ name: "usr/lib/os-release", body: 'ID=debian\nVERSION_ID="12"\n' }] : []),
  ];
}

/** Pushes an image of one layer for each package; gives its digest. */
export async function pushImage(
  repository: Pick<Repository, "putBlob" | "putManifest">,
  packages: Readonly<Record<string, string>>,
  config: Partial<ImageConfig> = {},
  tag?: string,
): Promise<Digest> {
  const put = async (bytes: Uint8Array, mediaType: string): Promise<Descriptor> => {
    const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
    await repository.putBlob(descriptor, async function* () {
      yield await Promise.resolve(bytes);
    });
    return descriptor;
  };
  const names = Object.keys(packages);
  const tars = names.map((name) => makeTar(packageLayer(name, packages[name] ?? "")));
  const full: ImageConfig = {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: tars.map((tar) => sha256(tar)) },
    history: names.map((name) => ({ created_by: `package ${name}` })),
    ...config,
  };
  const layers: Descriptor[] = [];
  for (const tar of tars) layers.push(await put(gzipSync(tar), mediaTypes.layerGzip));
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: await put(Buffer.from(JSON.stringify(full)), mediaTypes.config),
    layers,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = sha256(bytes);
  await repository.putManifest({ digest, mediaType: mediaTypes.manifest, bytes }, tag);
  return digest;
}

/** A cause with its key, as planning makes it. */
export function packageCause(
  source: string,
  from: string,
  to: string,
  more: Partial<Extract<Cause, { kind: "package" }>> = {},
): KeyedCause {
  const packages = [{ name: source, architecture: "amd64", from, to }];
  const seen = { origin: testSuite().name, firstSeen: 0, security: true, advisories: [] };
  return { key: `package:${source}:${to}`, cause: { kind: "package", source, to, packages, ...seen, ...more } };
}

export const firstCause: KeyedCause = { key: "source:r1", cause: { kind: "source", from: undefined, to: "r1" } };

/** Declares the images of the configuration. */
export async function declareFleet(ctx: Context): Promise<void> {
  await ctx.store.saveImages(
    Object.entries(ctx.config.images).map(([name, image]) => ({
      name,
      repository: repositoryName(ctx.config, name),
      definition: {},
      recipeKey: "r1",
      parents: image.recipe === "packages" && image.parent !== undefined ? [image.parent] : [],
    })),
  );
}

/** Asks for a rebuild and takes its lease. */
export async function startRebuild(
  { store }: Context,
  image: string,
  causes: readonly KeyedCause[],
  more: Partial<PlannedRebuild> = {},
): Promise<Lease> {
  const planned = { image, lane: "routine", notBefore: 0, recipeKey: "r1", parents: [], causes, ...more } as const;
  const saved = await store.savePlan({ detail: {}, rebuilds: [planned] });
  const id = saved.placed[0]?.rebuild.id;
  const lease = await store.leaseRebuild({ owner: "test", leaseMs: 3_600_000, image, ...(id === undefined ? {} : { rebuild: id }) });
  if (lease === undefined) throw new Error(`no rebuild of ${image} is free`);
  return lease;
}

/** Pushes what a rebuild made and puts it down; gives the digest. */
export async function finishBuild(
  ctx: Context,
  lease: Lease,
  packages: Readonly<Record<string, string>>,
  detail: Candidate["detail"] = {},
  recipeKey = "r1",
): Promise<Digest> {
  const repository = ctx.repositoryOf(lease.rebuild.image);
  const digest = await pushImage(repository, packages);
  const { platforms } = await ctx.images.read(repository, digest);
  const inventories = platforms.map(({ tree, platform }) => readInventory(tree, platform));
  const keys = await ctx.store.saveInventories(inventories);
  const names = inventories.map(({ platform }) => formatPlatform(platform));
  await ctx.store.saveRebuild(lease, { state: "building" });
  await ctx.store.saveCandidate(lease, {
    digest,
    platforms: names,
    inventories: Object.fromEntries(names.map((name, at) => [name, keys[at] ?? digest])),
    recipeKey,
    baseDigests: [],
    detail,
  });
  return digest;
}

/** Verifies a candidate in an environment and moves the environment to it. */
export async function promote(ctx: Context, lease: Lease, digest: Digest, environment: string): Promise<void> {
  const { store, clock } = ctx;
  const checks = [{ name: "starts", verdict: "passed", message: "" }] as const;
  await store.saveVerification(lease, { digest, environment, verdict: "passed", checks, startedAt: clock.now() });
  const { image } = lease.rebuild;
  const intent = { image, environment, digest, kind: "forward", by: "tidemill", reason: "verified" } as const;
  const saved = await store.saveIntent(intent, lease);
  if (saved.kind !== "saved") throw new Error(`the intent is ${saved.kind}`);
  const last = ctx.config.environments.at(-1)?.name === environment;
  await store.savePromotion(saved.promotion, lease, last ? { state: "promoted" } : undefined);
}

/** An image that was built of these packages and has gone through every environment. */
export async function release(
  ctx: Context,
  image: string,
  packages: Readonly<Record<string, string>>,
  causes: readonly KeyedCause[] = [firstCause],
  more: Partial<PlannedRebuild> = {},
): Promise<{ readonly digest: Digest; readonly rebuild: Rebuild }> {
  const lease = await startRebuild(ctx, image, causes, more);
  const digest = await finishBuild(ctx, lease, packages);
  for (const { name } of ctx.config.environments) await promote(ctx, lease, digest, name);
  return { digest, rebuild: lease.rebuild };
}
