import { stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Config } from "./core/config/index.ts";
import type { OwnStatement } from "./core/advisory/index.ts";
import { readTextFile, systemClock } from "./lib/index.ts";
import type {
  AppOptions,
  Connection,
  ForgeReportRequest,
  ForgeReportView,
  InitRequest,
  InitView,
  KeysRequest,
  KeysView,
  LoginRequest,
  LoginView,
  QuickstartOptions,
  RunningApp,
  RunningQuickstart,
  StartOptions,
} from "./operation/index.ts";
import type { FleetEvidence } from "./loop/context.ts";
import type { ServerAddress } from "./serve/index.ts";
import type { ScanWorld } from "./stateless-operations.ts";
import { readConfigPath } from "./config-path.ts";

const never = new AbortController().signal;

/** A way to ask: through the server that holds the state, else with the state opened in this process. Throws what opening throws. */
export async function connectApp(options: AppOptions): Promise<Connection> {
  const { onEvent, signal = never } = options;
  if (options.stateless === true) {
    const { createStatelessOperations } = await import("./stateless-operations.ts");
    const operations = createStatelessOperations({
      env: process.env,
      signal,
      ...listen(onEvent),
      findWorld: () => worldOf(options),
      findEvidence: () => evidenceOf(options),
    });
    return { operations, served: false, close: () => Promise.resolve() };
  }
  const elsewhere = await findElsewhere(options);
  if (elsewhere !== undefined) {
    const { connectServer } = await import("./serve/index.ts");
    return connectServer(elsewhere, onEvent);
  }
  const [
    { lockPath, readLock },
    { connectServer, localPrincipal, recordedOperations },
    { openFleet },
    { createFleetOperations },
  ] = await Promise.all([
    import("./io/store/index.ts"),
    import("./serve/index.ts"),
    import("./fleet.ts"),
    import("./fleet-operations.ts"),
  ]);
  const place = await findPlace(options);
  const holder = await readLock(lockPath(place.dataDir));
  if (holder?.address !== undefined && holder.token !== undefined) {
    return connectServer({ address: holder.address, token: holder.token }, onEvent);
  }
  const fleet = await openFleet({ ...place, ...listen(onEvent), signal });
  const bare = createFleetOperations(fleet, { env: place.env, configPath: place.configPath, serving: undefined });
  const principal = { ...localPrincipal, name: userInfo().username };
  const operations = recordedOperations(bare, fleet.ctx.store, principal);
  return { operations, served: false, close: () => fleet.close() };
}

/** Opens the fleet, serves it, and works at it until it is closed. Throws what opening and listening throw. */
export async function startApp(options: StartOptions): Promise<RunningApp> {
  await refuseElsewhere(options);
  const [{ openFleet }, { serveFleet }] = await Promise.all([import("./fleet.ts"), import("./serve-fleet.ts")]);
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
  await refuseElsewhere(options);
  const { quickstartConfig, runQuickstart } = await import("./quickstart.ts");
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
export async function configSchema(): Promise<object> {
  const { configJsonSchema } = await import("./core/config/index.ts");
  return configJsonSchema();
}

/** Signing keys, in files of this machine. Throws what making, reading and opening them throw. */
export async function manageKeys(request: KeysRequest): Promise<KeysView> {
  const keys = await import("./manage-keys.ts");
  return keys.manageKeys(request, process.env);
}

/** Writes a configuration for what stands in a folder. Throws ALREADY_THERE, INIT_FAILED. */
export async function initProject(request: InitRequest): Promise<InitView> {
  const init = await import("./init-project.ts");
  return init.initProject(request);
}

/** Puts the comment of a pull request, or the status of a commit. What the forge does not take is an answer like any other. */
export async function reportToForge(request: ForgeReportRequest): Promise<ForgeReportView> {
  const report = await import("./report-to-forge.ts");
  return report.reportToForge(request);
}

/** Asks a server who the token is, and remembers both for this user. Throws BAD_SERVER, UNAUTHORIZED, and what asking throws. */
export async function login({ server, token, ca }: LoginRequest): Promise<LoginView> {
  const [{ saveServer, serverOrigin }, { askCaller }] = await Promise.all([
    import("./known-servers.ts"),
    import("./serve/index.ts"),
  ]);
  const url = serverOrigin(server);
  const authority = ca === undefined ? undefined : await readTextFile(resolve(ca), 4 * 1024 * 1024);
  const caller = await askCaller({ address: url, token, ...(authority === undefined ? {} : { ca: authority }) });
  await saveServer(process.env, { url, token, ca: authority });
  return { server: url, ...caller };
}

/** Forgets a server and its token; gives its address, undefined where it was not known. */
export async function logout(server: string | undefined): Promise<string | undefined> {
  const { forgetServer } = await import("./known-servers.ts");
  return forgetServer(process.env, server);
}

/** Throws BAD_SERVER where a command that starts a server here names one elsewhere. */
async function refuseElsewhere({ server }: AppOptions): Promise<void> {
  if (server === undefined) return;
  const { KnownServerError } = await import("./known-servers.ts");
  throw new KnownServerError("BAD_SERVER", `${server}: this starts a server on this machine`, {
    hint: "Leave --server out.",
  });
}

/** The server elsewhere that a command means: one that it names, or that of the last login where this folder has neither a configuration nor a state. */
async function findElsewhere(options: AppOptions): Promise<ServerAddress | undefined> {
  const { findServer } = await import("./known-servers.ts");
  const isNamed = options.config !== undefined || options.data !== undefined;
  const here = isNamed || (await isThere(resolve("tidemill.yaml"))) || (await isThere(resolve(".tidemill")));
  const env = isNamed ? { ...process.env, TIDEMILL_SERVER: undefined } : process.env;
  const found = await findServer(env, options.server, { orCurrent: !here });
  return found && { address: found.url, token: found.token, ...(found.ca === undefined ? {} : { ca: found.ca }) };
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

/** What the configuration that a command means brings to a scan; undefined where there is none. */
async function worldOf(options: AppOptions): Promise<ScanWorld | undefined> {
  const { configPath, dataDir, env } = await findPlace(options);
  if (options.config === undefined && !(await isThere(configPath))) return undefined;
  const [{ loadConfig }, { findFeeds }, { loadSaidOfAll }] = await Promise.all([
    import("./load-config.ts"),
    import("./find-feeds.ts"),
    import("./said-of-all.ts"),
  ]);
  const cacheDir = join(dataDir, "cache");
  const { config } = await loadConfig(configPath, env, cacheDir);
  const home = dirname(configPath);
  return {
    feeds: findFeeds(config, home, cacheDir, systemClock),
    folder: join(cacheDir, "feeds"),
    said: await loadSaidOfAll(config, home, () => askStatements(options, dataDir, env)),
  };
}

/** What the configuration that a command means says of evidence; undefined where there is none, or it says nothing. */
async function evidenceOf(
  options: AppOptions,
): Promise<{ readonly config: Config; readonly evidence: FleetEvidence } | undefined> {
  const { configPath, dataDir, env } = await findPlace(options);
  if (options.config === undefined && !(await isThere(configPath))) return undefined;
  const [{ loadConfig }, { createEvidence }] = await Promise.all([
    import("./load-config.ts"),
    import("./create-evidence.ts"),
  ]);
  const { config } = await loadConfig(configPath, env, join(dataDir, "cache"));
  const evidence = createEvidence(config, dirname(configPath), env);
  return evidence && { config, evidence };
}

/** What people say of vulnerabilities, by the state that a command means; nothing where no state was ever made. */
async function askStatements(options: AppOptions, dataDir: string, env: Env): Promise<OwnStatement[]> {
  const hasState = (await readConfigPath(dataDir)) !== undefined || (env["DATABASE_URL"] ?? "") !== "";
  if (!hasState) return [];
  const connection = await connectApp({ ...options, stateless: false });
  try {
    const { statements } = await connection.operations.vexList({});
    return statements.map((one) => ({
      vulnerability: one.vulnerability,
      package: one.package ?? undefined,
      image: one.image ?? undefined,
      status: one.status,
      justification: one.justification ?? undefined,
      reason: one.reason,
      author: one.author,
      at: Date.parse(one.since),
      until: one.until === null ? undefined : Date.parse(one.until),
    }));
  } finally {
    await connection.close();
  }
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
