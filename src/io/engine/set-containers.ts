import { finished } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type Dockerode from "dockerode";
import { printable, readDockerFrames } from "../../lib/index.ts";
import { isReachedHere } from "./is-reached-here.ts";
import { keepFirst } from "./keep-first.ts";
import { removeNetwork } from "./serve-container.ts";
import type { ExecEnd, RunningSet } from "./types.ts";

/** What the containers, networks and volumes of a set are known by: its value is unique to one run of it. */
export const setLabel = "dev.tidemill.set";
const serviceLabel = "com.docker.compose.service";
const logTail = 5000;
const execBytes = 65_536;

/** The set of one run, while it runs. */
export function lookIntoSet(docker: Dockerode, run: string, candidate: string): RunningSet {
  const find = async (service: string): Promise<Dockerode.ContainerInspectInfo | undefined> => {
    const [found] = await listSet(docker, run, service);
    return found === undefined ? undefined : docker.getContainer(found.Id).inspect();
  };
  return {
    addressOf: async (service) => {
      const found = await find(service);
      const networks = Object.values(found?.NetworkSettings.Networks ?? {});
      return networks.map(({ IPAddress }) => IPAddress).find((address) => isReachedHere(address));
    },
    exec: async (service, command, timeoutMs, signal) => {
      const found = await find(service);
      if (found?.State.Running !== true) return { end: "not started", reason: `${service} does not run` };
      return execIn(docker.getContainer(found.Id), command, timeoutMs, signal);
    },
    trouble: async () => {
      for (const { Id, Labels } of await listSet(docker, run)) {
        const service = Labels[serviceLabel] ?? "a service";
        const { State } = await docker.getContainer(Id).inspect();
        if (State.Status !== "exited" && State.Status !== "dead") continue;
        if (State.OOMKilled) return `${service} ran out of memory`;
        // One that prepares something may end well; the candidate is what is looked at.
        if (State.ExitCode !== 0 || service === candidate) return `${service} ended with ${State.ExitCode}`;
      }
      return undefined;
    },
  };
}

function listSet(docker: Dockerode, run: string, service?: string): Promise<Dockerode.ContainerInfo[]> {
  const label = [`${setLabel}=${run}`, ...(service === undefined ? [] : [`${serviceLabel}=${service}`])];
  return docker.listContainers({ all: true, filters: { label } });
}

async function execIn(
  container: Dockerode.Container,
  command: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ExecEnd> {
  const exec = await container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({ hijack: true, stdin: false });
  const output = keepFirst(execBytes);
  container.modem.demuxStream(stream, output.sink, output.sink);
  // What it began is ended with its container.
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    await finished(stream, { signal: limit });
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted) return { end: "late", output: output.text() };
    throw error;
  } finally {
    stream.destroy();
  }
  const { ExitCode } = await exec.inspect();
  return { end: "exited", status: ExitCode ?? -1, output: output.text() };
}

/** What each service said, its end, control characters made visible. */
export async function readSetLogs(
  docker: Dockerode,
  run: string,
  limit: number,
): Promise<Readonly<Record<string, string>>> {
  const logs: Record<string, string> = {};
  for (const { Id, Labels } of await listSet(docker, run)) {
    const service = Labels[serviceLabel] ?? "";
    const options = { stdout: true, stderr: true, tail: logTail, follow: false } as const;
    const bytes = await docker
      .getContainer(Id)
      .logs(options)
      .catch(() => Buffer.alloc(0));
    const said = Buffer.concat(readDockerFrames(bytes)).subarray(-limit).toString("utf8");
    logs[service] = said.split("\n").map(printable).join("\n");
  }
  return logs;
}

/** Takes away what runs of sets have that `isGone` is true of: containers, networks, volumes. Resolves to how many things went. What a daemon was still making when it was asked comes a moment later, and goes too. */
export async function removeSets(
  docker: Dockerode,
  filters: readonly string[],
  isGone: (run: string) => boolean,
): Promise<number> {
  const label = [...filters, setLabel];
  let removed = 0;
  for (let rounds = 0; rounds < 10; rounds += 1) {
    const containers = await docker.listContainers({ all: true, filters: { label } });
    const networks = await docker.listNetworks({ filters: { label } });
    const { Volumes } = await docker.listVolumes({ filters: JSON.stringify({ label }) as never });
    const ours = <T extends { readonly Labels?: Record<string, string> | null | undefined }>(all: readonly T[]): T[] =>
      all.filter(({ Labels }) => isGone(Labels?.[setLabel] ?? ""));
    const [gone, nets, volumes] = [ours(containers), ours(networks), ours(Volumes ?? [])];
    const count = gone.length + nets.length + volumes.length;
    if (count === 0) return removed;
    await Promise.all(
      gone.map(({ Id }) =>
        docker
          .getContainer(Id)
          .remove({ force: true, v: true })
          .catch(() => undefined),
      ),
    );
    for (const { Id } of nets) await removeNetwork(docker.getNetwork(Id));
    for (const { Name } of volumes)
      await docker
        .getVolume(Name)
        .remove({ force: true })
        .catch(() => undefined);
    removed += rounds === 0 ? count : 0;
    await sleep(100);
  }
  return removed;
}
