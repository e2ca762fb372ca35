import type { ComposeSet } from "./parse-compose-set.ts";
import type { ServiceInSet } from "./set-schema.ts";

/** What each container of a set may use. */
export interface SetLimits {
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly pids: number;
  /** Bytes of what it says that the daemon keeps. */
  readonly logBytes: number;
}

interface SetMeans {
  /** In place of what the file names, by service: all that is run is named by the caller. */
  readonly images: Readonly<Record<string, string>>;
  /** Folder that its own paths are relative to, absolute. */
  readonly folder: string;
  /** The service whose root cannot be written to, whatever the file says. */
  readonly readOnly: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: SetLimits;
}

const network = "set";

/**
 * The compose file of a set that is run, as JSON, which is YAML. Everything in it is put there by name: one internal network, no port of the machine, limits, no capabilities, nothing that survives it. Every `$` in it is one.
 */
export function renderComposeSet(set: ComposeSet, means: SetMeans): string {
  const { labels } = means;
  const services = Object.fromEntries(
    Object.entries(set.services).map(([name, service]) => [name, renderService(name, service, means)]),
  );
  const file = {
    services,
    networks: { [network]: { driver: "bridge", internal: true, labels } },
    volumes: Object.fromEntries(set.volumes.map((name) => [name, { labels }])),
  };
  return JSON.stringify(file, (_key, value: unknown) =>
    typeof value === "string" ? value.replaceAll("$", "$$$$") : value,
  );
}

function renderService(name: string, service: ServiceInSet, means: SetMeans): object {
  const { limits, labels, readOnly } = means;
  const { networks } = service;
  const aliases =
    networks === undefined || networks === null || Array.isArray(networks)
      ? []
      : Object.values(networks).flatMap((one) => one?.aliases ?? []);
  const isReadOnly = service.read_only || name === readOnly;
  const own = given({
    command: service.command,
    entrypoint: service.entrypoint,
    environment: service.environment,
    user: service.user,
    working_dir: service.working_dir,
    hostname: service.hostname,
    init: service.init,
    stop_signal: service.stop_signal,
    healthcheck: service.healthcheck === null ? undefined : renderHealth(service.healthcheck),
    depends_on:
      service.depends_on === undefined || service.depends_on === null
        ? undefined
        : Object.fromEntries(Object.entries(service.depends_on).map(([one, condition]) => [one, { condition }])),
    volumes: service.volumes?.map(({ kind, source, target, readOnly: ro }) =>
      kind === "bind"
        ? { type: "bind", source: `${means.folder}/${source ?? ""}`, target, read_only: true }
        : given({ type: "volume", source, target, read_only: ro }),
    ),
  });
  return {
    ...own,
    image: means.images[name] ?? service.image,
    labels,
    networks: { [network]: aliases.length === 0 ? {} : { aliases } },
    tmpfs: [...new Set(["/tmp:size=64m,mode=1777", "/run:size=16m,mode=755", ...(service.tmpfs ?? []).map(sized)])],
    read_only: isReadOnly,
    restart: service.restart === "no" ? "no" : "on-failure:10",
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    mem_limit: limits.memoryBytes,
    memswap_limit: limits.memoryBytes,
    cpus: limits.cpus,
    pids_limit: limits.pids,
    ulimits: { core: 0 },
    logging: { driver: "json-file", options: { "max-size": `${limits.logBytes}`, "max-file": "1" } },
    stop_grace_period: "1s",
  };
}

function sized(path: string): string {
  return `${path}:size=64m,mode=1777`;
}

function renderHealth(health: Exclude<ServiceInSet["healthcheck"], null>): object | undefined {
  if (health === undefined) return undefined;
  const { start_interval: _unread, ...read } = health;
  return given(read);
}

/** Without what is not given. */
function given(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}
