import { homedir } from "node:os";
import { join } from "node:path";
import { createImageReader, createLayerStore } from "./io/layer/index.ts";
import { createRegistryClient, dockerCredentials } from "./io/registry/index.ts";
import type { Feed } from "./io/feeds/index.ts";
import { systemClock } from "./lib/index.ts";
import {
  createOperations,
  formatInstant,
  OperationError,
  operationNames,
  type OperationHandlers,
  type Operations,
  type ProgressListener,
} from "./operation/index.ts";
import type { Config } from "./core/config/index.ts";
import type { FleetEvidence } from "./loop/context.ts";
import type { SaidOfAll } from "./serve/operations/scan/index.ts";
import { readVersion } from "./version.ts";

/** What a configuration brings to a scan: its feeds, where their generations are kept, and what is said of vulnerabilities. */
export interface ScanWorld {
  readonly feeds: readonly Feed[];
  readonly folder: string;
  readonly said: SaidOfAll;
}

export interface StatelessOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly onEvent?: ProgressListener;
  /** What the configuration that is meant brings, where there is one. */
  readonly findWorld: () => Promise<ScanWorld | undefined>;
  /** What it says of evidence, where it says anything. */
  readonly findEvidence: () => Promise<{ readonly config: Config; readonly evidence: FleetEvidence } | undefined>;
}

const nothingSaid: SaidOfAll = { own: [], documents: [], notes: [], imageOf: () => undefined };

/** The operations that need no fleet: of any image `check`, `diff`, `rebase`, `scan`, `verify` and `inventory`; `validate`. All others answer UNSUPPORTED. What an operation is made of is loaded when it is asked for. */
export function createStatelessOperations(options: StatelessOptions): Operations {
  const { env, signal, onEvent, findWorld, findEvidence } = options;
  const registries = createRegistryClient({ credentials: dockerCredentials() });
  const cacheDir = join(env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "tidemill");
  const images = createImageReader(createLayerStore(join(cacheDir, "layers")));
  const clock = systemClock;
  const progress =
    onEvent === undefined
      ? {}
      : {
          // What has no known end would not go away again.
          onProgress: (message: string, done: number, total: number | undefined) => {
            if (total !== undefined)
              onEvent({ at: formatInstant(clock.now()), kind: "observed", message, done, total });
          },
        };
  const looking = { registries, images, localFiles: true, signal };
  const load = () => import("./serve/operations/index.ts");
  const loadScan = () => import("./serve/operations/scan/index.ts");
  const known: Partial<OperationHandlers> = {
    check: async (request) => (await load()).createCheck({ ...looking, cacheDir, clock, env })(request),
    diff: async (request) => (await load()).createDiff({ ...looking, client: registries })(request),
    rebase: async (request) => (await load()).createRebase({ ...looking, client: registries })(request),
    validate: async (request) => (await load()).createValidate({ env, cwd: process.cwd() })(request),
    verify: async (request) =>
      (await load()).createVerify({ registries, evidence: findEvidence, signal, clock })(request),
    inventory: async (request) =>
      (await loadScan()).createInventory({ ...looking, ...progress, version: readVersion() })(request),
    scan: async (request) => {
      const { createScan, loadScanFeeds } = await loadScan();
      const world = findWorld();
      return createScan({
        ...looking,
        ...progress,
        clock,
        version: readVersion(),
        said: async () => (await world)?.said ?? nothingSaid,
        knowledge: async (locations, stop) => {
          const found = await world;
          const folder = found?.folder ?? join(cacheDir, "feeds");
          return loadScanFeeds(locations, { folder, clock, configured: found?.feeds ?? [] }, stop);
        },
      })(request);
    },
  };
  const refuse = (name: string) => () => {
    throw new OperationError("UNSUPPORTED", `${name} needs a fleet`, { hint: "Name its configuration by --config." });
  };
  const handlers = Object.fromEntries(operationNames.map((name) => [name, known[name] ?? refuse(name)]));
  return createOperations(handlers as unknown as OperationHandlers);
}
