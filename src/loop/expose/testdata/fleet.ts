import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig, type Config } from "../../../core/config/index.ts";
import type { InstalledPackage } from "../../../core/inventory/index.ts";
import { createFeed } from "../../../io/feeds/index.ts";
import type { Lease, Store } from "../../../io/store/index.ts";
import { sha256, silentLogger, type Clock, type Digest } from "../../../lib/index.ts";
import type { Context, LoopEvent } from "../../context.ts";
import { matchFindings } from "../../match/index.ts";
import { tendExposures } from "../index.ts";

const minute = 60_000;

function configOf(value: object): Config {
  const parsed = parseConfig(JSON.stringify(value), {});
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

/** A fleet of which only the store, the clock and one OSV feed are real. */
export async function createSmallFleet(store: Store, clock: Clock, more: object = {}) {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-expose-"));
  await mkdir(join(folder, "osv"));
  const feed = createFeed({ name: "osv", kind: "osv", location: join(folder, "osv") }, join(folder, "cache"), clock);
  const events: LoopEvent[] = [];
  const config = configOf({
    version: 1,
    upstreams: { debian: { kind: "debian", codename: "bookworm" } },
    environments: [{ name: "production" }],
    images: { web: { recipe: "packages", upstream: "debian", packages: ["openssl"], labels: { team: "shop" } } },
    ...more,
  });
  const ctx = {
    store,
    clock,
    config,
    log: silentLogger(),
    feeds: [feed],
    signal: new AbortController().signal,
    emit: (event: LoopEvent) => void events.push(event),
  } as unknown as Context;

  const declare = (...names: string[]): Promise<void> =>
    store.saveImages(
      names.map((name) => ({ name, repository: name, definition: {}, recipeKey: "recipe", parents: [] })),
    );

  /** Has a rebuild bring a digest that holds this version of openssl, as far as it is told to. */
  const build = async (
    image: string,
    version: string,
    options: { readonly isReadable?: boolean } = {},
  ): Promise<{ readonly digest: Digest; readonly lease: Lease }> => {
    const entry: InstalledPackage = {
      type: "deb",
      name: "openssl",
      version,
      architecture: "amd64",
      source: "openssl",
      sourceVersion: version,
      layer: sha256(version),
    };
    const [key] = await store.saveInventories([
      {
        platform: { os: "linux", architecture: "amd64" },
        os: { id: "debian", versionId: "12", codename: "bookworm", prettyName: undefined },
        packages: options.isReadable === false ? [] : [entry],
        status: options.isReadable === false ? "unknown" : "complete",
        system: "complete",
        problems: options.isReadable === false ? ["it was cut off"] : [],
      },
    ]);
    if (key === undefined) throw new Error("the inventory has no key");
    const digest = sha256(`${image} ${version} ${clock.now()}`);
    await store.savePlan({
      detail: {},
      rebuilds: [
        {
          image,
          lane: "routine",
          notBefore: 0,
          recipeKey: "recipe",
          parents: [],
          causes: [{ key: digest, cause: { kind: "source", from: "a", to: digest } }],
        },
      ],
    });
    const lease = await store.leaseRebuild({ owner: "test", leaseMs: 30 * 24 * 60 * minute, image });
    if (lease === undefined) throw new Error("there is no rebuild to do");
    await store.saveCandidate(lease, {
      digest,
      platforms: ["linux/amd64"],
      inventories: { "linux/amd64": key },
      recipeKey: "recipe",
      baseDigests: [],
    });
    return { digest, lease };
  };

  const verified = new Set<string>();
  const verify = async (built: { readonly digest: Digest; readonly lease: Lease }, environment: string) => {
    const { digest, lease } = built;
    if (verified.has(`${digest} ${environment}`)) return;
    verified.add(`${digest} ${environment}`);
    await store.saveVerification(lease, { digest, environment, verdict: "passed", checks: [], startedAt: 0 });
  };

  const promote = async (
    image: string,
    built: { readonly digest: Digest; readonly lease: Lease },
    environment = "production",
  ): Promise<void> => {
    await verify(built, environment);
    const intent = await store.saveIntent(
      { image, environment, digest: built.digest, kind: "forward", by: "tidemill", reason: "verified" },
      built.lease,
    );
    if (intent.kind !== "saved") throw new Error(`the intent is ${intent.kind}`);
    await store.savePromotion(intent.promotion, built.lease, { state: "promoted" });
  };

  const rollBack = async (image: string, digest: Digest, environment = "production"): Promise<void> => {
    const intent = await store.saveIntent({ image, environment, digest, kind: "rollback", by: "ada", reason: "slow" });
    if (intent.kind !== "saved") throw new Error(`the intent is ${intent.kind}`);
    await store.savePromotion(intent.promotion);
  };

  /** Has a running system be seen to use a digest. */
  const deploy = async (name: string, image: string, digest: Digest): Promise<void> => {
    const lease = await store.leasePlace({ name, image, owner: "test", leaseMs: minute });
    if (lease === undefined) throw new Error("the place is taken");
    const begun = await store.saveDeployIntent(lease, {
      environment: "production",
      digest,
      by: "tidemill",
      reason: "it is named",
    });
    if (begun.kind !== "saved") throw new Error(`the deployment is ${begun.kind}`);
    await store.saveDeployment(lease, begun.deployment.id, { to: "confirmed" });
    await store.releasePlace(lease);
  };

  const publish = async (id: string, fixed: string | undefined, record: object = {}): Promise<void> => {
    const events = [{ introduced: "0" }, ...(fixed === undefined ? [] : [{ fixed }])];
    const body = {
      id,
      modified: new Date(clock.now()).toISOString(),
      published: new Date(clock.now()).toISOString(),
      affected: [{ package: { ecosystem: "Debian:12", name: "openssl" }, ranges: [{ type: "ECOSYSTEM", events }] }],
      ...record,
    };
    await writeFile(join(folder, "osv", `${encodeURIComponent(id)}.json`), JSON.stringify(body));
  };

  /** What a pass does of it. */
  const pass = async (): Promise<number> => {
    await feed.refresh();
    await matchFindings(ctx);
    return tendExposures(ctx);
  };

  const remove = () => rm(folder, { recursive: true, force: true });
  return { ctx, config, events, declare, build, verify, promote, rollBack, deploy, publish, pass, remove };
}

export type SmallFleet = Awaited<ReturnType<typeof createSmallFleet>>;
