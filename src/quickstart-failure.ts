import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import type { Config } from "./core/config/index.ts";
import { digestHex, runInGroup, sha256, systemClock, type Digest, type Instant } from "./lib/index.ts";
import { deployEnvironments } from "./loop/deploy-environments.ts";
import { probeEnvironments } from "./loop/promote/index.ts";
import type { Fleet } from "./fleet.ts";

/** The image whose update turns unhealthy after its promotion. */
export const lampImage = "tide-lamp";

/** Where the image runs that turns unhealthy. */
export interface Lamp {
  readonly url: string;
  /** What runs it, as a sentence for people. */
  readonly by: string;
  /** What of the fleet is other for it. */
  readonly adjust: (config: Config) => Config;
  /** For one that no container runs: from now on it is well only as long as this says so. */
  readonly setWell: ((isWell: () => Promise<boolean>) => void) | undefined;
  close(): Promise<void>;
}

type Env = Readonly<Record<string, string | undefined>>;

/** In Docker where it is there: checked in staging, run, probed, and taken back for real. Without it something answers as the digest would that production names. */
export async function startLamp(env: Env, home: string, dataDir: string): Promise<Lamp> {
  const host = env["DOCKER_HOST"];
  return (await isDockerHere(host)) ? startDockerLamp(home, dataDir, host) : startFakeLamp();
}

/** Whether `docker` can run Linux programs of this machine's daemon, for amd64 as the shipped archive is. */
async function isDockerHere(host: string | undefined): Promise<boolean> {
  if (host !== undefined && host !== "" && !host.startsWith("unix://")) return false;
  return (await docker(host, "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")) === "linux/amd64";
}

const dockerMs = 10_000;

/** What a short command of Docker says; undefined where it fails. */
async function docker(host: string | undefined, ...args: string[]): Promise<string | undefined> {
  let said = "";
  const onOutput = (piece: Buffer, stream: string): void => void (said += stream === "stdout" ? piece.toString() : "");
  const env = host === undefined ? {} : { DOCKER_HOST: host };
  const end = await runInGroup({ command: ["docker", ...args], env, timeoutMs: dockerMs, onOutput });
  return end.kind === "ended" && end.status === 0 ? said.trim() : undefined;
}

async function startDockerLamp(home: string, dataDir: string, host: string | undefined): Promise<Lamp> {
  const port = await freePort();
  const container = `tidemill-quickstart-lamp-${digestHex(sha256(resolve(dataDir))).slice(0, 12)}`;
  // What a tour that was killed has left answers at another port.
  await docker(host, "rm", "--force", "--volumes", container);
  const program = ["/bin/sh", join(home, "run-lamp.sh"), container, `${port}`, host ?? ""];
  return {
    url: `http://127.0.0.1:${port}/`,
    by: "Docker",
    setWell: undefined,
    adjust: (config) => {
      const lamp = config.images[lampImage];
      const environment = config.environments.at(-1)?.name;
      if (lamp === undefined || environment === undefined) return config;
      const answers = {
        name: "answers",
        http: { port: 8080, path: "/", method: "GET", headers: {}, contains: "burns" },
        env: {},
        writable: false,
        start: 20_000,
        timeout: 2000,
      } as const;
      const deployment = {
        environment,
        images: [lampImage],
        deadline: 120_000,
        command: { run: program, observe: program },
      };
      return {
        ...config,
        images: { ...config.images, [lampImage]: { ...lamp, checks: [...lamp.checks, answers] } },
        deployments: { ...config.deployments, lamp: deployment },
      };
    },
    close: async () => {
      const image = await docker(host, "inspect", "--format", "{{.Config.Image}}", container);
      await docker(host, "rm", "--force", "--volumes", container);
      if (image === undefined) return;
      const ids = await docker(host, "image", "ls", "--quiet", image.split("@")[0] ?? image);
      for (const id of new Set((ids ?? "").split("\n")))
        if (id !== "") await docker(host, "image", "rm", "--force", id);
    },
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startFakeLamp(): Promise<Lamp> {
  let isWell = (): Promise<boolean> => Promise.resolve(true);
  const server = createServer((_, response) => {
    isWell().then(
      (well) => response.writeHead(well ? 200 : 500).end(well ? "the lamp burns\n" : "the lamp is out\n"),
      () => response.destroy(),
    );
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}/`,
    by: "nothing that runs containers, so something answers in its place",
    adjust: (config) => config,
    setWell: (next) => void (isWell = next),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Milliseconds until it has to be seen that it is taken back, and runs again. */
const patienceMs = 120_000;
const wellMs = 1000;

/** Has running systems brought to what the environments name, until `signal`. */
export function deliver({ ctx }: Fleet, signal: AbortSignal): Promise<void> {
  return deployEnvironments(ctx, signal);
}

/**
 * Has the lamp go out while its new image soaks in production: well for a while, then not. The probe of the environment finds it, and it is taken back. Resolves to what was seen of it, for people; undefined where the image was not
 * promoted since `since`.
 */
export async function turnUnhealthy({ ctx }: Fleet, lamp: Lamp, since: Instant): Promise<string | undefined> {
  const last = ctx.config.environments.at(-1)?.name ?? "";
  const pointerNow = async () =>
    (await ctx.store.loadPointers(lampImage)).find(({ environment }) => environment === last);
  const { digest = null, previous = null, since: promoted = null } = (await pointerNow()) ?? {};
  if (digest === null || previous === null || (promoted ?? 0) < since) return undefined;
  const isNamed = async (one: Digest): Promise<boolean> => (await pointerNow())?.digest === one;
  const stop = new AbortController();
  const probing = probeEnvironments(ctx, AbortSignal.any([stop.signal, ctx.signal]));
  const until = async (is: () => Promise<boolean>): Promise<boolean> => {
    const end = performance.now() + patienceMs;
    while (performance.now() < end) {
      if (await is()) return true;
      await systemClock.sleep(100, ctx.signal);
    }
    return false;
  };
  try {
    const { setWell } = lamp;
    if (setWell !== undefined) {
      await systemClock.sleep(wellMs, ctx.signal);
      setWell(async () => !(await isNamed(digest)));
      await until(async () => !(await isNamed(digest)));
      return undefined;
    }
    await until(async () => (await ask(lamp.url)).status === 500 || !(await isNamed(digest)));
    const out = performance.now();
    if (!(await until(async () => (await ask(lamp.url)).text.startsWith(`${lampImage} 1.0-1 burns`)))) return undefined;
    const seconds = ((performance.now() - out) / 1000).toFixed(1);
    return `${lampImage} ran in Docker and went out; ${seconds} seconds later the one before it burned again.`;
  } finally {
    stop.abort();
    await probing;
  }
}

async function ask(url: string): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    return { status: response.status, text: await response.text() };
  } catch {
    return { status: 0, text: "" };
  }
}
