import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { policyDigest, type Config } from "./core/config/index.ts";
import { parseReference } from "./core/image/index.ts";
import { noticeEvents } from "./core/notice/index.ts";
import type { PackageRecord } from "./core/packages/index.ts";
import { createDistro, debianSources, type SuiteSource } from "./io/distro/index.ts";
import { runEngines, type RunEngine } from "./io/engine/index.ts";
import { createQueue, type Queue } from "./io/queue/index.ts";
import { createImageReader, createLayerStore } from "./io/layer/index.ts";
import {
  createRegistryClient,
  createRegistryServer,
  createTagAsker,
  dockerCredentials,
  type RegistryServer,
} from "./io/registry/index.ts";
import { lockPath, openStore, takeLock, type Store, type StoreOptions } from "./io/store/index.ts";
import { createLogger, systemClock, type Clock, type Logger } from "./lib/index.ts";
import { createBuilder } from "./create-builder.ts";
import { createBumpParts } from "./create-bump-parts.ts";
import { createEvidence } from "./create-evidence.ts";
import { createPipeline } from "./create-pipeline.ts";
import { createSourceReader } from "./create-source-reader.ts";
import { createTargets } from "./create-targets.ts";
import { saveConfigPath } from "./config-path.ts";
import { findFeeds } from "./find-feeds.ts";
import { createAssembler, createPatcher, createRebaser, type Makers } from "./loop/build/index.ts";
import { loadBelievedBases } from "./loop/believed-bases.ts";
import { leaseMs, repositoryName, type Context } from "./loop/context.ts";
import { createJobs } from "./create-jobs.ts";
import { loadConfig } from "./load-config.ts";
import { createServedCheck } from "./loop/promote/index.ts";
import { runPass, workOff, type LoopParts, type PassOptions, type PassResult } from "./loop/drive.ts";
import { formatInstant, type ProgressListener } from "./operation/index.ts";
import { traceFleet } from "./trace-fleet.ts";

export interface FleetOptions {
  /** Path of `tidemill.yaml`. */
  readonly configPath: string;
  /** Folder of the state. */
  readonly dataDir: string;
  /** Folder for what can be made again; in the state's own without it. */
  readonly cacheDir?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onEvent?: ProgressListener;
  readonly signal?: AbortSignal;
  /** Changes the configuration after it was read. */
  readonly adjust?: (config: Config) => Config;
  /** The machine's without it. */
  readonly clock?: Clock;
}

/** What a pass looks at in place of what the configuration says. */
export type World = Partial<Pick<Context, "suites" | "distro">>;

/** A fleet that is open in this process: its parts, wired. */
export interface Fleet {
  readonly ctx: Context;
  readonly makers: Makers;
  /** Undefined where images go to a registry elsewhere. */
  readonly registry: RegistryServer | undefined;
  /** One pass of the loop; passes of one process take turns. */
  pass(options?: PassOptions, world?: World): Promise<PassResult>;
  /** Works at the rebuilds that are due, in turn with the passes. */
  work(world?: World): Promise<void>;
  /** Gives whoever else listens the events of the loop. */
  readonly listeners: Set<ProgressListener>;
  /** Says where others reach the embedded registry: what they pull is named by it. */
  publish(address: string): void;
  /** Wakes whoever works at this fleet, in this process or another. */
  readonly queue: Queue;
  readonly dataDir: string;
  /** Has something closed before the fleet's own parts are. */
  onClose(end: () => Promise<void>): void;
  /** Lets go of the store while the rest stays open: what replaces it needs its lock. */
  releaseState(): Promise<void>;
  close(): Promise<void>;
}

/** Numbers for accounts that no table fixes: within Debian's range for dynamic system accounts, above what its own tools give first. */
const accountRange = { first: 500, last: 899 };

/** Opens the state and everything that works at it. Throws what the store and the configuration throw; what was opened is closed again. */
export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const { env, configPath, dataDir, clock = systemClock } = options;
  const cacheDir = options.cacheDir ?? join(dataDir, "cache");
  const { config: read } = await loadConfig(configPath, env, cacheDir);
  const config = options.adjust?.(read) ?? read;
  const log = createLogger(env["TIDEMILL_LOG"] ?? "silent");
  const closing: (() => Promise<unknown>)[] = [];
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const close = async (): Promise<void> => {
    stop.abort();
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    const home = dirname(resolve(configPath));
    await mkdir(dataDir, { recursive: true });
    await saveConfigPath(dataDir, resolve(configPath));
    const store = await openState(
      options,
      { clock, log, notifyOn: noticeEvents, policy: policyDigest(config) },
      closing,
    );
    const registry =
      config.registry.url === undefined
        ? await openRegistry(dataDir, config.server.hosts, { clock, log }, closing)
        : undefined;
    const host = registry === undefined ? (config.registry.url ?? "") : (await registry.listen(0)).host;
    let published = host;
    const client = createRegistryClient({
      credentials: dockerCredentials(),
      // A request has failed before its lease has ended.
      timeoutMs: leaseMs - 5_000,
      insecure: config.registry.insecure ? [host.split("/")[0] ?? ""] : [],
    });
    closing.push(() => client.close());

    const registries = createRegistryClient({
      credentials: dockerCredentials(),
      timeoutMs: leaseMs - 5_000,
      insecure: insecureHosts(config),
    });
    closing.push(() => registries.close());

    const repositoryOf = (image: string) => client.repository(`${host}/${repositoryName(config, image)}`);
    const pullName = (image: string, own?: string) => `${own ?? published}/${repositoryName(config, image)}`;
    const stateDir = resolve(dataDir, "deploy");
    const targets = createTargets(config, { home, stateDir, clock, repositoryOf, pullName, env });
    closing.push(targets.close);
    const { jobs, close: endJobs } = createJobs(config, { home, dataDir, env, clock, signal });
    closing.push(endJobs);
    const distro = createDistro({ dir: join(cacheDir, "distro"), clock });
    const suites = await findSuites(config, home, env);
    const sources = new Map([...suites.values()].flat().map((source) => [source.name, source]));
    const listeners = new Set<ProgressListener>(options.onEvent === undefined ? [] : [options.onEvent]);
    const images = createImageReader(createLayerStore(join(cacheDir, "layers")));
    const ctx: Context = {
      config,
      home,
      clock,
      log,
      store,
      distro,
      suites,
      feeds: findFeeds(config, home, cacheDir, clock),
      images,
      sources: createSourceReader({ config, home, cacheDir, env, store }),
      bumps: createBumpParts({ dir: resolve(cacheDir, "bumps"), hidden: [resolve(dataDir), resolve(cacheDir)], env }),
      builder: createBuilder({ config, home, dataDir, cacheDir, env }),
      believedBases: () => loadBelievedBases(store),
      bases: { registries, asker: createTagAsker(registries, { clock }), clock },
      baseRepository: (reference) => registries.repository(reference),
      engine: await findEngine(dataDir, closing),
      jobs,
      evidence: createEvidence(config, home, env),
      pullName,
      targetOf: targets.targetOf,
      repositoryOf,
      pipelineOf: (image) => createPipeline(image, clock),
      cacheDir,
      owner: `${process.pid}-${randomUUID().slice(0, 8)}`,
      emit: (event) => {
        const at = formatInstant(clock.now());
        for (const listener of listeners) listener({ at, ...event });
      },
      signal,
    };
    const traced = await traceFleet(ctx, env);
    if (traced !== undefined) {
      listeners.add(traced.listen);
      closing.push(() => traced.close());
    }
    if (store.kind === "pglite") {
      await store.releaseOtherLeases(ctx.owner);
      await store.releaseOtherPlaces(ctx.owner);
      await store.releaseOtherBumps(ctx.owner);
    }
    const fetchPackage = (record: PackageRecord, ended?: AbortSignal): Promise<string> => {
      const source = sources.get(record.origin);
      if (source === undefined)
        throw new Error(`${record.origin}, which offers ${record.name}, is no suite of this fleet`);
      return distro.fetchPackage(record, source, ended ?? signal);
    };
    const assembler = createAssembler({
      cacheDir: join(cacheDir, "assembly"),
      fetchPackage,
      allocateAccounts: async (names) => {
        const rows = await store.saveAccountAllocations(names, accountRange);
        return new Map(rows.map(({ name, uid, gid }) => [name, { uid, gid }]));
      },
    });
    let last: Promise<unknown> = Promise.resolve();
    const makers: Makers = {
      assembler,
      // The base of what the fleet made is written down: nothing has to be found by annotations.
      rebaser: createRebaser({ images, findBase: () => Promise.resolve(undefined) }),
      patcherOf: (universeFor) =>
        createPatcher({ images, cacheDir: join(cacheDir, "assembly"), fetchPackage, universeFor }),
    };
    const parts: LoopParts = { makers, checkServed: createServedCheck() };
    const queue = createQueue(store.engine, { log });
    closing.push(() => queue.close());
    const inWorld = (world: World = {}): Context => {
      for (const source of [...(world.suites?.values() ?? [])].flat()) sources.set(source.name, source);
      return { ...ctx, ...world };
    };
    const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
      const next = last.then(work);
      last = next.catch(() => undefined);
      return next;
    };
    return {
      ctx,
      makers,
      registry,
      pass: (passOptions, world) => inTurn(() => runPass(inWorld(world), parts, passOptions)),
      work: (world) => inTurn(() => workOff(inWorld(world), makers)),
      listeners,
      publish: (address) => {
        if (registry !== undefined) published = address;
      },
      queue,
      dataDir,
      onClose: (end) => void closing.push(end),
      releaseState: async () => {
        await last;
        await store.close();
      },
      close: async () => {
        stop.abort();
        await last;
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openState(
  { dataDir, env }: FleetOptions,
  opening: StoreOptions,
  closing: (() => Promise<unknown>)[],
): Promise<Store> {
  const databaseUrl = env["DATABASE_URL"];
  const hasUrl = databaseUrl !== undefined && databaseUrl !== "";
  if (!hasUrl) {
    return keepOnce(await openStore({ dir: dataDir }, opening), closing);
  }
  // The registry's folder and the address of the local API are this process's, wherever the rows are.
  const lock = await takeLock(lockPath(dataDir), (error) => opening.log.error({ err: error }, "the lock was lost"));
  closing.push(() => lock.release());
  const store = await openStore({ databaseUrl }, opening);
  return { ...keepOnce(store, closing), announce: lock.announce };
}

/** The store, closed at the end unless it was closed before. */
function keepOnce(store: Store, closing: (() => Promise<unknown>)[]): Store {
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= store.close());
  closing.push(close);
  return { ...store, close };
}

async function openRegistry(
  dataDir: string,
  hosts: readonly string[],
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  closing: (() => Promise<unknown>)[],
): Promise<RegistryServer> {
  const registry = await createRegistryServer({ dir: join(dataDir, "registry"), clock, log, hosts });
  closing.push(() => registry.close());
  return registry;
}

/** The suites of every upstream; an upstream without a mirror is an error at once. */
export async function findSuites(
  config: Config,
  home: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Map<string, readonly SuiteSource[]>> {
  const suites = new Map<string, readonly SuiteSource[]>();
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    // What a Dockerfile or somebody else's image holds may be of any release that is declared.
    const users = Object.values(config.images).filter(
      (image) => image.upstream === name || (image.recipe !== "packages" && image.upstream === undefined),
    );
    if (users.length === 0) continue;
    const platforms = users.flatMap((image) => image.platforms);
    const architectures = [...new Set(platforms.map((platform) => platform.split("/")[1] ?? ""))].sort();
    const keyrings = upstream.keyrings?.map((path) => resolve(home, path));
    suites.set(name, await debianSources({ name, ...upstream, keyrings, architectures }, env));
  }
  return suites;
}

/** Hosts that the configuration says speak plain HTTP. */
function insecureHosts({ bases, registry }: Config): string[] {
  const hosts = Object.entries(bases).flatMap(([name, base]) => (base.insecure ? [parseReference(name).registry] : []));
  if (registry.insecure && registry.url !== undefined) hosts.push(registry.url.split("/")[0] ?? "");
  return [...new Set(hosts)];
}

/** The engine that runs checks, whether it is there now or comes later. What a killed process left in it goes before it is first used. */
async function findEngine(dataDir: string, closing: (() => Promise<unknown>)[]): Promise<RunEngine> {
  const engine = runEngines.docker(resolve(dataDir));
  let swept: Promise<number> | undefined;
  const missing = async (): Promise<string | undefined> => {
    const reason = await engine.missing();
    if (reason === undefined) await (swept ??= engine.sweep().catch(() => 0));
    return reason;
  };
  await missing();
  closing.push(() => engine.close().catch(() => undefined));
  return { ...engine, missing };
}
