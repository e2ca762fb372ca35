import { setTimeout as sleep } from "node:timers/promises";
import type Dockerode from "dockerode";
import { messageOf } from "../../lib/index.ts";
import { containedBy } from "./contained-by.ts";
import { EngineError } from "./error.ts";
import { isReachedHere } from "./is-reached-here.ts";
import { keepFirst } from "./keep-first.ts";
import { started } from "./started.ts";
import type { AskServed, Served, ServeRequest } from "./types.ts";

export interface ServedContainer {
  readonly request: ServeRequest;
  /** What the daemon knows the image by. */
  readonly image: string;
  readonly labels: Record<string, string>;
  /** Name of the network that is made for it. */
  readonly network: string;
}

/**
 * Starts a container in an internal bridge of its own, where nothing but this machine reaches it and it reaches nothing but this
 * machine, has it asked, and takes away both. Docker Engine, "docker network create --internal".
 */
export async function serveContainer<T>(
  docker: Dockerode,
  served: ServedContainer,
  ask: AskServed<T>,
  signal?: AbortSignal,
): Promise<Served<T>> {
  const { labels, network: name } = served;
  const network = await docker.createNetwork({ Name: name, Driver: "bridge", Internal: true, Labels: labels });
  let container: Dockerode.Container | undefined;
  try {
    container = await started(served.request.command, docker.createContainer(optionsOf(served)));
    return await askStarted(container, served, ask, signal);
  } finally {
    await container?.remove({ force: true, v: true }).catch(() => undefined);
    await removeNetwork(network);
  }
}

/** The daemon may let go of a container's end of it a moment after the container went. */
export async function removeNetwork(network: Dockerode.Network): Promise<void> {
  for (let tries = 0; tries < 10; tries += 1) {
    const isGone = await network.remove().then(
      () => true,
      (error: unknown) => (error as { statusCode?: number }).statusCode === 404,
    );
    if (isGone) return;
    await sleep(100);
  }
}

function optionsOf({ request, image, labels, network }: ServedContainer): Dockerode.ContainerCreateOptions {
  const [program, ...rest] = request.command;
  return {
    Image: image,
    Labels: labels,
    ...(program === undefined ? {} : { Entrypoint: [program], Cmd: rest }),
    Env: Object.entries(request.env).map(([key, value]) => `${key}=${value}`),
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    HostConfig: { ...containedBy(request.limits, "none"), NetworkMode: network, ReadonlyRootfs: !request.writable },
  };
}

function elsewhere(host: string): EngineError {
  return new EngineError("RUN_FAILED", `this machine has no address in the network of the container (${host})`, {
    hint: "The engine has to run on this machine, as root; a Podman needs netavark with aardvark-dns, for CNI gives an internal network no gateway.",
  });
}

async function askStarted<T>(
  container: Dockerode.Container,
  { request, network }: ServedContainer,
  ask: AskServed<T>,
  signal: AbortSignal | undefined,
): Promise<Served<T>> {
  const stream = await container.attach({ stream: true, stdout: true, stderr: true });
  const output = keepFirst(request.limits.outputBytes);
  container.modem.demuxStream(stream, output.sink, output.sink);
  try {
    await started(request.command, container.start());
    const ended = new AbortController();
    const watch = container.wait().then(
      ({ StatusCode }: { StatusCode: number }) => ended.abort(`it ended with status ${StatusCode}`),
      (error: unknown) => ended.abort(messageOf(error)),
    );
    const { NetworkSettings, State } = await container.inspect();
    const host = NetworkSettings.Networks[network]?.IPAddress ?? "";
    if (host === "" && State.Running)
      throw new EngineError("RUN_FAILED", "docker: the container has no address", { retry: true });
    // One that ended at once never is asked anything.
    if (host === "") await watch;
    else if (!isReachedHere(host)) throw elsewhere(host);
    const over = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
    const answer = await ask(host, over);
    return { answer, output: output.text() };
  } finally {
    (stream as { destroy?: () => void }).destroy?.();
  }
}
