import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type Dockerode from "dockerode";
import { digestHex, messageOf, printable, sha256 } from "../../lib/index.ts";
import { containedBy, type LogDriver } from "./contained-by.ts";
import { keepOutput, readOutputLog } from "./container-output.ts";
import { EngineError } from "./error.ts";
import { writeImageArchive } from "./image-archive.ts";
import { createLoadedImages } from "./loaded-images.ts";
import { removeNetwork, serveContainer } from "./serve-container.ts";
import { serveSet, sweepSetFolders } from "./serve-set.ts";
import { removeSets } from "./set-containers.ts";
import { started } from "./started.ts";
import type { RunEngine, RunRequest, RunResult } from "./types.ts";

const label = "dev.tidemill.check";
/** No registry can have this name: a run that lost its image cannot pull another. RFC 2606. */
const repository = "tidemill.invalid/check";
const probeMs = 3000;
/** What a container said may come late where the machine is busy: it is waited for, never taken for silence. */
const drainMs = 30_000;
/** 128 and SIGKILL. */
const killedStatus = 137;
/** An image is checked for one environment after the other, and its children share its layers. */
const keptImages = 8;

/**
 * Docker, or Podman's service, through the socket that DOCKER_HOST or the default names. `instance` tells the containers of this
 * installation from those of others: only they are swept.
 */
export function createDockerEngine(instance: string): RunEngine {
  let client: Promise<Dockerode> | undefined;
  const connect = (): Promise<Dockerode> =>
    (client ??= import("dockerode").then(({ default: Docker }) => new Docker()));
  let driver: Promise<LogDriver> | undefined;
  const findLog = (docker: Dockerode): Promise<LogDriver> => (driver ??= findLogDriver(docker));
  const labels = { [label]: instance };
  const owner = digestHex(sha256(instance)).slice(0, 12);
  const filters = { label: [`${label}=${instance}`] };

  const remove = async (
    docker: Dockerode,
    request: { container?: Dockerode.Container; tag?: string },
  ): Promise<void> => {
    await request.container?.remove({ force: true, v: true }).catch(() => undefined);
    if (request.tag !== undefined)
      await docker
        .getImage(request.tag)
        .remove({ force: true })
        .catch(() => undefined);
  };

  const loaded = createLoadedImages(keptImages, async (tag) => remove(await connect(), { tag }));

  /** Does something with the image of a request, brought to the daemon if it is not there. */
  const withImage = async <T>(
    request: ImageRequest,
    signal: AbortSignal | undefined,
    use: (docker: Dockerode, tag: string) => Promise<T>,
  ): Promise<T> => {
    const docker = await connect();
    const bring = async (): Promise<string> => {
      const tag = `${repository}-${owner}:${sequence()}`;
      try {
        // Not ended by the signal of whoever asked first: another may wait for it.
        await load(docker, request, tag);
        return tag;
      } catch (error) {
        await remove(docker, { tag });
        throw error;
      }
    };
    try {
      return await loaded.use(request.manifest.config.digest, bring, async (tag) => {
        signal?.throwIfAborted();
        return use(docker, tag);
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof EngineError) throw error;
      throw new EngineError("RUN_FAILED", `docker: ${messageOf(error)}`, { cause: error, retry: true });
    }
  };

  return {
    name: "docker",
    missing: async () => {
      try {
        const docker = await connect();
        await within(docker.ping(), probeMs, "it does not answer");
        return undefined;
      } catch (error) {
        return `no Docker engine can be reached: ${messageOf(error)}`;
      }
    },
    canRun: async (platform) => {
      const docker = await connect();
      const { Os, Arch } = (await docker.version()) as { Os: string; Arch: string };
      return Os === platform.os && Arch === platform.architecture;
    },
    run: (request, signal) =>
      withImage(request, signal, async (docker, tag) => {
        let container: Dockerode.Container | undefined;
        const log = await findLog(docker);
        try {
          container = await started(request.command, create(docker, request, tag, { labels, log }));
          return await execute(container, request, log, signal);
        } finally {
          if (container !== undefined) await remove(docker, { container });
        }
      }),
    serve: (request, ask, signal) =>
      withImage(request, signal, (docker, image) => {
        const network = `tidemill-check-${owner}-${sequence()}`;
        return serveContainer(docker, { request, image, labels, network }, ask, signal);
      }),
    serveSet: (request, ask, signal) => {
      const name = `tidemill-check-${owner}-${processToken}-${sequence()}`;
      const folders = `tidemill-set-${owner}-`;
      const { own, service, source, manifest } = request;
      const withAll = async <T>(
        wanted: readonly (readonly [string, ImageRequest])[],
        images: Readonly<Record<string, string>>,
        use: (docker: Dockerode, images: Readonly<Record<string, string>>) => Promise<T>,
      ): Promise<T> => {
        const [next, ...rest] = wanted;
        if (next === undefined) return use(await connect(), images);
        return withImage(next[1], signal, (_docker, tag) => withAll(rest, { ...images, [next[0]]: tag }, use));
      };
      return withAll(Object.entries({ ...own, [service]: { source, manifest } }), {}, async (docker, images) => {
        // What a killed process had Compose make may have come after its successor swept.
        await removeSets(docker, filters.label, (run) => !run.includes(`-${processToken}-`));
        return serveSet(docker, request, { name, labels, images, folders }, ask, signal);
      });
    },
    close: () => loaded.clear(),
    sweep: async () => {
      const docker = await connect();
      await sweepSetFolders(`tidemill-set-${owner}-`);
      const sets = await removeSets(docker, filters.label, () => true);
      const containers = await docker.listContainers({ all: true, filters });
      for (const { Id } of containers) await remove(docker, { container: docker.getContainer(Id) });
      const networks = await docker.listNetworks({ filters });
      for (const { Id } of networks) await removeNetwork(docker.getNetwork(Id));
      const images = await docker.listImages({ filters: { reference: [`${repository}-${owner}`] } });
      // Podman names the tags of others, too, where they are of the same image.
      const own = images
        .flatMap(({ RepoTags }) => RepoTags ?? [])
        .filter((tag) => tag.startsWith(`${repository}-${owner}:`));
      for (const tag of own) await remove(docker, { tag });
      return sets + containers.length + networks.length + own.length;
    },
  };
}

/** What this process's sets are known by among those of the installation. */
const processToken = randomBytes(4).toString("hex");

let runs = 0;

/** A number that no other run of this process has. */
function sequence(): string {
  runs += 1;
  return `${process.pid}-${runs}`;
}

type ImageRequest = Pick<RunRequest, "source" | "manifest">;

async function load(docker: Dockerode, request: ImageRequest, tag: string): Promise<void> {
  const archive = Readable.from(writeImageArchive(request.source, request.manifest, tag), { objectMode: false });
  let said = "";
  try {
    const answer = await docker.loadImage(archive, { quiet: true });
    for await (const chunk of answer) said = `${said}${String(chunk)}`.slice(0, 4096);
  } catch (error) {
    // Where the bytes did not come, that is why; what the daemon says of it is not.
    throw archive.errored ?? error;
  } finally {
    archive.destroy();
  }
  if (said.includes('"error"'))
    throw new EngineError("LOAD_FAILED", `docker cannot load the image: ${printable(said.slice(0, 500))}`);
}

function create(
  docker: Dockerode,
  { command, limits, network, env, user, writable }: RunRequest,
  image: string,
  { labels, log }: { readonly labels: Record<string, string>; readonly log: LogDriver },
): Promise<Dockerode.Container> {
  const [program, ...rest] = command;
  return docker.createContainer({
    Image: image,
    Labels: labels,
    ...(program === undefined ? {} : { Entrypoint: [program], Cmd: rest }),
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    ...(env === undefined ? {} : { Env: Object.entries(env).map(([name, value]) => `${name}=${value}`) }),
    ...(user === undefined ? {} : { User: user }),
    NetworkDisabled: !network,
    HostConfig: {
      ...containedBy(limits, log),
      NetworkMode: network ? "bridge" : "none",
      ReadonlyRootfs: writable !== true,
    },
  });
}

/**
 * Which log the daemon keeps of a container. Podman's `attach` may lose what a container said that ended at once, so its log is read;
 * Docker's never does, so none is written.
 */
async function findLogDriver(docker: Dockerode): Promise<LogDriver> {
  const { Components } = (await docker.version()) as { Components?: readonly { readonly Name: string }[] };
  return Components?.some(({ Name }) => Name === "Podman Engine") === true ? "k8s-file" : "none";
}

async function execute(
  container: Dockerode.Container,
  { command, limits }: RunRequest,
  log: LogDriver,
  signal?: AbortSignal,
): Promise<RunResult> {
  // Podman makes the container ready here, and so says here that there is nothing to start.
  const stream = await started(command, container.attach({ stream: true, stdout: true, stderr: true }));
  const attached = keepOutput(container, limits.outputBytes);
  const drained = attached.hear(stream).catch(() => undefined);
  await started(command, container.start());
  let timedOut = false;
  const kill = (): void => void container.kill().catch(() => undefined);
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, limits.timeoutMs);
  signal?.addEventListener("abort", kill, { once: true });
  if (signal?.aborted === true) kill();
  try {
    const { StatusCode: status } = (await container.wait()) as { StatusCode: number };
    await within(drained, drainMs, "its output did not come to an end");
    signal?.throwIfAborted();
    const end = timedOut ? "timeout" : (await ranOutOfMemory(container, status)) ? "out-of-memory" : "exited";
    // The log has the newest bytes, of which there are more than are kept: what was cut off here is not to be found there.
    const isWhole = log === "none" || attached.truncated();
    const said = isWhole ? attached : await readOutputLog(container, limits.outputBytes);
    return { end, status, ...said.texts(), truncated: said.truncated() };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
    (stream as { destroy?: () => void }).destroy?.();
  }
}

/** Whether the kernel killed it for its memory. The daemon may hear of that a moment after it heard of the end. */
async function ranOutOfMemory(container: Dockerode.Container, status: number): Promise<boolean> {
  for (let looks = status === killedStatus ? 10 : 1; looks > 0; looks -= 1) {
    const { State } = await container.inspect();
    if (State.OOMKilled) return true;
    if (looks > 1) await sleep(100);
  }
  return false;
}

async function within<T>(work: Promise<T>, ms: number, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(message)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
