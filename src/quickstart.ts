import { rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Config } from "./core/config/index.ts";
import { createArchiveServer, shippedArchive, shippedSources, type Distro } from "./io/distro/index.ts";
import { lockPath, readLock } from "./io/store/index.ts";
import { formatInstant, OperationError, type ProgressListener, type RunningQuickstart } from "./operation/index.ts";
import { openFleet, type Fleet, type World } from "./fleet.ts";
import { loadConfig } from "./load-config.ts";
import { deliver, lampImage, startLamp, turnUnhealthy, type Lamp } from "./quickstart-failure.ts";
import { describeTour, type Morning } from "./quickstart-result.ts";
import { serveFleet, type ServedFleet } from "./serve-fleet.ts";

/** The configuration of the tour. */
export const quickstartConfig = fileURLToPath(new URL("../examples/quickstart/tidemill.yaml", import.meta.url));

export interface TourOptions {
  readonly configPath: string;
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly listen: string;
  readonly replay: boolean;
  readonly withFailure: boolean;
  readonly onEvent?: ProgressListener;
  readonly signal: AbortSignal;
}

/** How far the tour has come, kept so that one that was killed goes on where it was. */
const story = z.object({ day: z.union([z.literal(0), z.literal(1)]) });
const storyKey = "quickstart";
/** How long to wait for what is tried again by itself. */
const patienceMs = 600_000;

/**
 * Day 0: the fleet from the release suites alone. Day 1: all suites open, as on the morning of an advisory. What was done before is found done; a tour that was killed goes on. Then the
 * fleet is watched until it is closed.
 */
export async function runQuickstart(options: TourOptions): Promise<RunningQuickstart> {
  const { configPath, dataDir, env, signal } = options;
  if (options.replay) await forgetState(dataDir);
  const needsArchive = options.withFailure || (await namesTideMirror(configPath, env));
  const archive = needsArchive ? await createArchiveServer(shippedArchive) : undefined;
  const lamp = options.withFailure ? await startLamp(env, dirname(quickstartConfig), dataDir) : undefined;
  const tideEnv = {
    ...env,
    ...(archive === undefined ? {} : { TIDEMILL_TIDE_MIRROR: archive.url }),
    ...(lamp === undefined ? {} : { TIDEMILL_LAMP: lamp.url }),
  };
  let served: ServedFleet | undefined;
  const close = async (): Promise<void> => {
    await served?.close();
    await lamp?.close();
    await archive?.close();
  };
  try {
    const planted = options.withFailure ? await loadFailure(tideEnv) : undefined;
    const fleet = await openFleet({
      configPath,
      dataDir,
      env: tideEnv,
      signal,
      ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
      adjust: (config) =>
        planted === undefined || lamp === undefined ? config : lamp.adjust(withPlanted(config, planted)),
    });
    try {
      served = await serveFleet(fleet, { env: tideEnv, configPath, listen: options.listen, watch: false });
    } catch (error) {
      await fleet.close();
      throw error;
    }
    const worlds = await makeWorlds(fleet, options, archive?.url);
    const morning = await liveThrough(fleet, worlds, { images: Object.keys(planted?.images ?? {}), lamp });
    const result = await describeTour(fleet.ctx, morning, served);
    if (options.replay && result.counts.rebuilt === 0 && configPath === quickstartConfig) {
      await close();
      return await replayShipped(options);
    }
    // What a broken update was planted with goes on being served as it is: the watch has its own suites.
    served.watch();
    return { ...served, close, result };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The same loop on the small archive that is shipped, for when the real one leaves nothing to patch. */
async function replayShipped(options: TourOptions): Promise<RunningQuickstart> {
  const configPath = join(dirname(quickstartConfig), "tide.yaml");
  const running = await runQuickstart({ ...options, configPath, dataDir: join(options.dataDir, "shipped") });
  const note =
    "What is cached of the real archive leaves nothing to patch, so this is the loop on the small archive that is shipped with Tidemill.";
  return { ...running, result: { ...running.result, notes: [note, ...running.result.notes] } };
}

/** The days: what is open on each. */
interface Worlds {
  readonly day0: World;
  readonly day1: World;
}

async function makeWorlds(fleet: Fleet, options: TourOptions, archiveUrl: string | undefined): Promise<Worlds> {
  const { ctx } = fleet;
  const distro = options.replay ? fromCache(ctx.distro) : ctx.distro;
  const release = new Map([...ctx.suites].map(([name, sources]) => [name, sources.slice(0, 1)]));
  const all = new Map(ctx.suites);
  if (options.withFailure && archiveUrl !== undefined) {
    all.set("tide", [...(ctx.suites.get("tide") ?? []), ...(await shippedSources(archiveUrl, "tide-broken"))]);
  }
  return { day0: { suites: release, distro }, day1: { suites: all, distro } };
}

async function liveThrough(
  fleet: Fleet,
  worlds: Worlds,
  planted: { readonly images: readonly string[]; readonly lamp: Lamp | undefined },
): Promise<Morning> {
  const { clock } = fleet.ctx;
  const tell = (message: string): void => {
    for (const listener of fleet.listeners) listener({ at: formatInstant(clock.now()), kind: "phase", message });
  };
  const stop = new AbortController();
  const delivering = deliver(fleet, stop.signal);
  try {
    return await liveDays(fleet, worlds, planted, tell);
  } finally {
    stop.abort();
    await delivering;
  }
}

async function liveDays(
  fleet: Fleet,
  worlds: Worlds,
  planted: { readonly images: readonly string[]; readonly lamp: Lamp | undefined },
  tell: (message: string) => void,
): Promise<Morning> {
  const { ctx } = fleet;
  const { store, clock } = ctx;
  const begun = clock.now();
  const known = story.safeParse(await store.loadSetting(storyKey));
  const isAgain = known.success && known.data.day === 1 && (await isWhole(fleet));
  if (!isAgain) {
    tell(`Day 0: ${Object.keys(ctx.config.images).length} images from the release suites`);
    await settle(fleet, worlds.day0);
    await whenDelivered(fleet, worlds.day0);
    if (await isWhole(fleet)) await store.saveSetting(storyKey, { day: 1 });
  }
  const before = new Map((await store.loadPointers()).map((one) => [`${one.image}:${one.environment}`, one.digest]));
  const dawn = clock.now();
  tell(isAgain ? "Day 1 again: what do the suites offer now?" : "Day 1: the security and updates suites open");
  const { plan } = await settle(fleet, worlds.day1);
  await whenDelivered(fleet, worlds.day1);
  const notes: string[] = [];
  if (planted.lamp !== undefined) {
    tell(`${lampImage} soaks in production, by ${planted.lamp.by}, and goes out`);
    const seen = await turnUnhealthy(fleet, planted.lamp, dawn);
    if (seen !== undefined) notes.push(seen);
  }
  return { begun, dawn, ended: clock.now(), before, plan, isAgain, planted: planted.images, notes };
}

/** Whether every image is in its last environment. */
async function isWhole({ ctx }: Fleet): Promise<boolean> {
  const last = ctx.config.environments.at(-1)?.name;
  const there = new Set(
    (await ctx.store.loadPointers()).filter(({ environment }) => environment === last).map(({ image }) => image),
  );
  return Object.keys(ctx.config.images).every((image) => there.has(image));
}

/** A pass, and then whatever is tried again by itself. */
async function settle(fleet: Fleet, world: World) {
  const { store, clock, signal } = fleet.ctx;
  const result = await fleet.pass({}, world);
  const end = clock.now() + patienceMs;
  for (;;) {
    const retried = (await store.loadRebuilds({ active: true })).filter(({ lastError }) => lastError !== null);
    const next = Math.min(...retried.map(({ notBefore }) => notBefore));
    if (retried.length === 0 || next > end) return result;
    await clock.sleep(Math.max(200, next - clock.now()), signal);
    await fleet.work(world);
  }
}

/** Waits, where something runs what the environments name, until it does, and nothing is left to do for it. */
async function whenDelivered(fleet: Fleet, world: World): Promise<void> {
  const { store, config, clock, signal } = fleet.ctx;
  if (Object.keys(config.deployments).length === 0) return;
  const last = config.environments.at(-1)?.name;
  const end = clock.now() + patienceMs / 5;
  while (clock.now() < end) {
    await fleet.work(world);
    const [pointers, places, active] = await Promise.all([
      store.loadPointers(lampImage),
      store.loadDeployed(lampImage),
      store.loadRebuilds({ image: lampImage, active: true }),
    ]);
    const named = pointers.find(({ environment }) => environment === last)?.digest;
    if (active.length === 0 && places.every(({ digest }) => digest === named)) return;
    await clock.sleep(200, signal);
  }
}

/** The suites as they were last seen; one that never was is asked for. */
function fromCache(distro: Distro): Distro {
  return {
    ...distro,
    refresh: async (source, signal) => {
      const generation = await distro.generation(source.name);
      return generation === undefined ? distro.refresh(source, signal) : { kind: "updated", generation };
    },
  };
}

/** Drops what the tour made; what it fetched and converted stays. */
async function forgetState(dataDir: string): Promise<void> {
  const holder = await readLock(lockPath(dataDir));
  if (holder !== undefined) {
    throw new OperationError("BUSY", `process ${holder.pid} works in ${dataDir}`, {
      hint: "Stop it first: a replay begins with an empty state.",
    });
  }
  for (const name of ["pglite", "registry", "audit.jsonl", "snapshots"])
    await rm(join(dataDir, name), { recursive: true, force: true });
}

/** Whether the configuration reads the shipped archive: the small fleet for when nothing is left to patch. */
async function namesTideMirror(path: string, env: TourOptions["env"]): Promise<boolean> {
  if (env["TIDEMILL_TIDE_MIRROR"] !== undefined) return false;
  const { text } = await loadConfig(path, { ...env, TIDEMILL_TIDE_MIRROR: "http://127.0.0.1:1" });
  return text.includes("${TIDEMILL_TIDE_MIRROR}");
}

async function loadFailure(env: TourOptions["env"]): Promise<Config> {
  return (await loadConfig(join(dirname(quickstartConfig), "tide-failure.yaml"), env)).config;
}

function withPlanted(config: Config, planted: Config): Config {
  const home = dirname(quickstartConfig);
  const upstreams = Object.entries(planted.upstreams).map(([name, upstream]) => [
    name,
    { ...upstream, keyrings: upstream.keyrings?.map((path) => resolve(home, path)) },
  ]);
  const watched = planted.environments.at(-1);
  const environments = config.environments.map((one, at) =>
    watched === undefined || at < config.environments.length - 1
      ? one
      : { ...one, soak: watched.soak, probes: watched.probes },
  );
  return {
    ...config,
    environments,
    upstreams: { ...config.upstreams, ...(Object.fromEntries(upstreams) as Config["upstreams"]) },
    images: { ...config.images, ...planted.images },
  };
}
