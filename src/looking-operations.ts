import { join } from "node:path";
import type { Config } from "./core/config/index.ts";
import { parseReference } from "./core/image/index.ts";
import { createRegistryClient, dockerCredentials, isReachable, type RegistryClient } from "./io/registry/index.ts";
import { ownStatement } from "./loop/fleet-vex.ts";
import { createOperations, OperationError, type OperationHandlers, type Operations } from "./operation/index.ts";
import * as implemented from "./serve/operations/index.ts";
import * as scanning from "./serve/operations/scan/index.ts";
import type { Fleet } from "./fleet.ts";
import { loadSaidOfAll } from "./said-of-all.ts";
import { readVersion } from "./version.ts";

type Looking = "diff" | "check" | "scan" | "inventory" | "verify" | "rebase";

export interface LookingOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asks the registries that callers name. */
  readonly client: RegistryClient;
  /** Whether layouts and archives of this machine are looked at. */
  readonly localFiles: boolean;
}

/** The operations that look at images of anywhere. */
export function createLooking(
  { ctx }: Pick<Fleet, "ctx">,
  { env, client, localFiles }: LookingOptions,
): Pick<OperationHandlers, Looking> {
  const { images, signal, clock, cacheDir } = ctx;
  const looking = { images, registries: client, localFiles, signal };
  return {
    diff: implemented.createDiff({ client, images, localFiles, signal, fleet: ctx }),
    check: implemented.createCheck({ cacheDir, clock, env, registries: client, localFiles, signal }),
    scan: scanning.createScan({
      ...looking,
      clock,
      version: readVersion(),
      said: () =>
        loadSaidOfAll(ctx.config, ctx.home, async () => (await ctx.store.loadVexStatements()).map(ownStatement)),
      knowledge: (locations, stop) => {
        const folder = join(cacheDir, "feeds");
        return scanning.loadScanFeeds(locations, { folder, clock, configured: ctx.feeds }, stop);
      },
    }),
    inventory: scanning.createInventory({ ...looking, version: readVersion() }),
    verify: implemented.createVerify({
      registries: client,
      evidence: () => Promise.resolve(ctx.evidence && { config: ctx.config, evidence: ctx.evidence }),
      signal,
      clock,
    }),
    rebase: implemented.createRebase({ client, images, localFiles, signal }),
  };
}

/**
 * The same for callers from elsewhere, who must not make the server ask what they cannot reach themselves: registries of the configuration, at any address, and others at public ones or in the
 * networks of `server.reach`; no files and no feeds but the configuration's.
 */
export function createLookingForOthers(
  fleet: Pick<Fleet, "ctx" | "onClose">,
  options: { readonly env: LookingOptions["env"]; readonly own: () => readonly string[] },
): Pick<Operations, Looking> {
  const { config } = fleet.ctx;
  const known = registriesOf(config);
  const client = createRegistryClient({
    credentials: dockerCredentials(),
    reach: {
      isKnown: (host) => known.has(host) || options.own().includes(host),
      isAllowed: isReachable(config.server.reach),
    },
  });
  fleet.onClose(() => client.close());
  const handlers = createLooking(fleet, { env: options.env, client, localFiles: false });
  return createOperations({
    ...handlers,
    scan: (request) => {
      if (request.feeds.length === 0) return handlers.scan(request);
      throw new OperationError("UNSUPPORTED", "scan: a server believes the feeds of its configuration only", {
        hint: "`tidemill scan --feed` itself reads others.",
      });
    },
  });
}

/** Hosts of the registries that the configuration names. */
function registriesOf({ registry, deployments, bases, images }: Config): ReadonlySet<string> {
  const places = [
    registry.url,
    ...Object.values(deployments).flatMap(({ registry: own, tag }) => [own, tag?.to]),
  ].flatMap((place) => place?.split("/")[0] ?? []);
  const names = [
    ...Object.keys(bases),
    ...Object.values(images).flatMap((image) => (image.recipe === "upstream" ? [image.from] : [])),
  ];
  return new Set([...places, ...names.map((name) => parseReference(name).registry)]);
}
