import { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type Dockerode from "dockerode";
import { digestHex, messageOf, printable, sha256 } from "../../lib/index.ts";
import { EngineError } from "./error.ts";
import { writeImageArchive } from "./image-archive.ts";
import { createLoadedImages } from "./loaded-images.ts";
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
 * Docker, through the socket that DOCKER_HOST or the default names. `instance` tells the containers of this installation
 * from those of others: only they are swept.
 */
export function createDockerEngine(instance: string): RunEngine {
  let client: Promise<Dockerode> | undefined;
  const connect = (): Promise<Dockerode> =>
    (client ??= import("dockerode").then(({ default: Docker }) => new Docker()));
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
    run: async (request, signal) => {
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
          let container: Dockerode.Container | undefined;
          try {
            container = await started(request.command, create(docker, request, tag, labels));
            return await execute(container, request, signal);
          } finally {
            if (container !== undefined) await remove(docker, { container });
          }
        });
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof EngineError) throw error;
        throw new EngineError("RUN_FAILED", `docker: ${messageOf(error)}`, { cause: error, retry: true });
      }
    },
    close: () => loaded.clear(),
    sweep: async () => {
      const docker = await connect();
      const containers = await docker.listContainers({ all: true, filters });
      for (const { Id } of containers) await remove(docker, { container: docker.getContainer(Id) });
      const images = await docker.listImages({ filters: { reference: [`${repository}-${owner}`] } });
      for (const tag of images.flatMap(({ RepoTags }) => RepoTags ?? [])) await remove(docker, { tag });
      return containers.length + images.length;
    },
  };
}

let runs = 0;

/** A number that no other run of this process has. */
function sequence(): string {
  runs += 1;
  return `${process.pid}-${runs}`;
}

async function load(docker: Dockerode, request: RunRequest, tag: string): Promise<void> {
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
  { command, limits, network }: RunRequest,
  image: string,
  labels: Record<string, string>,
): Promise<Dockerode.Container> {
  const [program, ...rest] = command;
  return docker.createContainer({
    Image: image,
    Labels: labels,
    ...(program === undefined ? {} : { Entrypoint: [program], Cmd: rest }),
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    NetworkDisabled: !network,
    HostConfig: {
      NetworkMode: network ? "bridge" : "none",
      ReadonlyRootfs: true,
      Tmpfs: { "/tmp": "size=64m,mode=1777", "/run": "size=16m,mode=755" },
      Memory: limits.memoryBytes,
      MemorySwap: limits.memoryBytes,
      NanoCpus: Math.round(limits.cpus * 1e9),
      PidsLimit: limits.pids,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      LogConfig: { Type: "none", Config: {} },
      RestartPolicy: { Name: "no" },
      Ulimits: [{ Name: "core", Soft: 0, Hard: 0 }],
    },
  });
}

async function execute(container: Dockerode.Container, request: RunRequest, signal?: AbortSignal): Promise<RunResult> {
  const { limits } = request;
  const stream = await container.attach({ stream: true, stdout: true, stderr: true });
  const output = keepFirst(limits.outputBytes);
  container.modem.demuxStream(stream, output.sink, output.sink);
  const drained = finished(stream).catch(() => undefined);
  await started(request.command, container.start());
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
    return { end, status, output: output.text(), truncated: output.truncated() };
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

/** Waits for the daemon to accept `command`; throws NOT_STARTED where the daemon says that the image has nothing to start that way. */
async function started<T>(command: readonly string[], work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 400) throw error;
    const { message = messageOf(error) } = (error as { json?: { message?: string } }).json ?? {};
    const what = command[0] ?? "the image's own entrypoint";
    throw new EngineError("NOT_STARTED", `${printable(what)} cannot be started: ${printable(message)}`, {
      cause: error,
    });
  }
}

interface KeptOutput {
  readonly sink: Writable;
  text(): string;
  truncated(): boolean;
}

/** Keeps the first `limit` bytes that are written and lets the rest go. */
function keepFirst(limit: number): KeptOutput {
  const chunks: Buffer[] = [];
  let seen = 0;
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (seen < limit) chunks.push(Buffer.from(chunk.subarray(0, limit - seen)));
      seen += chunk.length;
      done();
    },
  });
  const text = (): string => Buffer.concat(chunks).toString("utf8").split("\n").map(printable).join("\n");
  return { sink, text, truncated: () => seen > limit };
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
