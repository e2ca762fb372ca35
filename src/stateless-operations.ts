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
import { readVersion } from "./version.ts";

export interface StatelessOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly onEvent?: ProgressListener;
  /** The feeds of the configuration that is meant, where there is one, and where their generations are. */
  readonly findFeeds: () => Promise<{ readonly feeds: readonly Feed[]; readonly folder: string } | undefined>;
}

/** The operations that need no fleet: of any image `check`, `diff`, `rebase`, `scan` and `inventory`; `validate`. All others answer UNSUPPORTED. What an operation is made of is loaded when it is asked for. */
export function createStatelessOperations({ env, signal, onEvent, findFeeds }: StatelessOptions): Operations {
  const registries = createRegistryClient({ credentials: dockerCredentials() });
  const cacheDir = join(env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "tidemill");
  const images = createImageReader(createLayerStore(join(cacheDir, "layers")));
  const clock = systemClock;
  const progress =
    onEvent === undefined
      ? {}
      : {
          onProgress: (message: string, done: number, total: number | undefined) =>
            onEvent({ at: formatInstant(clock.now()), kind: "observed", message, done, total }),
        };
  const looking = { registries, images, localFiles: true, signal };
  const load = () => import("./serve/operations/index.ts");
  const loadScan = () => import("./serve/operations/scan/index.ts");
  const known: Partial<OperationHandlers> = {
    check: async (request) => (await load()).createCheck({ ...looking, cacheDir, clock, env })(request),
    diff: async (request) => (await load()).createDiff({ ...looking, client: registries })(request),
    rebase: async (request) => (await load()).createRebase({ ...looking, client: registries })(request),
    validate: async (request) => (await load()).createValidate({ env, cwd: process.cwd() })(request),
    inventory: async (request) =>
      (await loadScan()).createInventory({ ...looking, ...progress, version: readVersion() })(request),
    scan: async (request) => {
      const { createScan, loadScanFeeds } = await loadScan();
      return createScan({
        ...looking,
        ...progress,
        clock,
        version: readVersion(),
        knowledge: async (locations, stop) => {
          const found = await findFeeds();
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
