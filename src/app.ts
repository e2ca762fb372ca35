import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { configJsonSchema } from "./core/config/index.ts";
import { lockPath, readLock } from "./io/store/index.ts";
import type {
  AppOptions,
  Connection,
  QuickstartOptions,
  RunningApp,
  RunningQuickstart,
  StartOptions,
} from "./operation/index.ts";
import { connectServer } from "./serve/index.ts";
import { createFleetOperations, createStatelessOperations } from "./fleet-operations.ts";
import { openFleet, readConfigPath } from "./fleet.ts";
import { quickstartConfig, runQuickstart } from "./quickstart.ts";
import { serveFleet } from "./serve-fleet.ts";

const never = new AbortController().signal;

/** A way to ask: through the server that holds the state, else with the state opened in this process. Throws what opening throws. */
export async function connectApp(options: AppOptions): Promise<Connection> {
  const { onEvent, signal = never } = options;
  if (options.stateless === true) {
    return { operations: createStatelessOperations(process.env, signal), close: () => Promise.resolve() };
  }
  const place = await findPlace(options);
  const holder = await readLock(lockPath(place.dataDir));
  if (holder?.address !== undefined && holder.token !== undefined) {
    return connectServer({ address: holder.address, token: holder.token }, onEvent);
  }
  const fleet = await openFleet({ ...place, ...listen(onEvent), signal });
  const operations = createFleetOperations(fleet, {
    env: place.env,
    configPath: place.configPath,
    serving: undefined,
  });
  return { operations, close: () => fleet.close() };
}

/** Opens the fleet, serves it, and works at it until it is closed. Throws what opening and listening throw. */
export async function startApp(options: StartOptions): Promise<RunningApp> {
  const place = await findPlace(options);
  const { onEvent, signal = never } = options;
  const fleet = await openFleet({ ...place, ...listen(onEvent), signal });
  try {
    const address = options.listen ?? fleet.ctx.config.server.listen;
    return await serveFleet(fleet, {
      env: place.env,
      configPath: place.configPath,
      listen: withPort(address),
      watch: true,
    });
  } catch (error) {
    await fleet.close();
    throw error;
  }
}

/** The tour: days 0 and 1 on real packages, then the server. Throws NO_MIRROR where no mirror is known. */
export async function startQuickstart(options: QuickstartOptions): Promise<RunningQuickstart> {
  const dataDir = resolve(options.data ?? join(".tidemill", "quickstart"));
  const configPath = options.config === undefined ? quickstartConfig : resolve(options.config);
  return runQuickstart({
    configPath,
    dataDir,
    env: withoutDatabase(process.env),
    listen: withPort(options.listen ?? "127.0.0.1:0"),
    replay: options.replay ?? false,
    withFailure: options.withFailure ?? false,
    ...listen(options.onEvent),
    signal: options.signal ?? never,
  });
}

/** JSON Schema of `tidemill.yaml`. */
export function configSchema(): Promise<object> {
  return Promise.resolve(configJsonSchema());
}

type Env = Readonly<Record<string, string | undefined>>;

interface Place {
  readonly configPath: string;
  readonly dataDir: string;
  readonly env: Env;
}

/** The tour keeps its state in its folder: the database that is named for a real fleet is none of its business. */
function withoutDatabase(env: Env): Env {
  return { ...env, DATABASE_URL: undefined };
}

/** Configuration and state that a command means: those it names, else those of this folder, else those of the quickstart that ran here. */
async function findPlace(options: AppOptions): Promise<Place> {
  const own = resolve("tidemill.yaml");
  const hasOwn = await isThere(own);
  const tour = resolve(".tidemill", "quickstart");
  const meansTour = options.data === undefined && options.config === undefined && !hasOwn && (await isThere(tour));
  const dataDir = meansTour ? tour : resolve(options.data ?? ".tidemill");
  const env = meansTour ? withoutDatabase(process.env) : process.env;
  if (options.config !== undefined) return { configPath: resolve(options.config), dataDir, env };
  // A state remembers what it was made from: nobody has to name it twice.
  return { configPath: hasOwn ? own : ((await readConfigPath(dataDir)) ?? own), dataDir, env };
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** `127.0.0.1` as well as `127.0.0.1:7077`. */
function withPort(address: string): string {
  return /:\d+$/.test(address) ? address : `${address}:0`;
}

function listen<T>(onEvent: T | undefined): { readonly onEvent?: T } {
  return onEvent === undefined ? {} : { onEvent };
}
