import type Dockerode from "dockerode";
import { isDigest, printable, readDockerFrames, type Digest } from "../../lib/index.ts";

/** What our containers are known by. */
export const labels = {
  deployment: "dev.tidemill.deployment",
  attempt: "dev.tidemill.attempt",
  digest: "dev.tidemill.digest",
  fence: "dev.tidemill.fence",
} as const;

/** A container of a service, as far as a deployment looks at it. */
export interface ServiceContainer {
  readonly id: string;
  readonly isRunning: boolean;
  /** The digest that it runs; the id of its image where that came from no registry. */
  readonly digest: Digest | undefined;
  readonly attempt: string | undefined;
  readonly fence: number;
  readonly health: "healthy" | "starting" | "unhealthy" | "none";
  /** Milliseconds that it has run. */
  readonly ranMs: number;
  /** What went wrong with it, as a sentence. */
  readonly trouble: string | undefined;
}

/** The containers of a compose service, those that have ended too. */
export async function listContainers(docker: Dockerode, project: string, service: string): Promise<ServiceContainer[]> {
  const label = [`com.docker.compose.project=${project}`, `com.docker.compose.service=${service}`];
  const listed = await docker.listContainers({ all: true, filters: { label } });
  const found = await Promise.all(
    listed.filter(({ Labels }) => Labels["com.docker.compose.oneoff"] !== "True").map(({ Id }) => lookAt(docker, Id)),
  );
  return found.flatMap((one) => one ?? []);
}

async function lookAt(docker: Dockerode, id: string): Promise<ServiceContainer | undefined> {
  let inspected: Dockerode.ContainerInspectInfo;
  try {
    inspected = await docker.getContainer(id).inspect();
  } catch (error) {
    // It was removed since it was listed.
    if (isGone(error)) return undefined;
    throw error;
  }
  const { State, Config, Image, RestartCount } = inspected;
  const own = Config.Labels;
  const health = State.Health?.Status;
  const known = ["healthy", "starting", "unhealthy"] as const;
  const isRunning = State.Running && !State.Restarting;
  return {
    id,
    isRunning,
    digest: await digestOf(docker, Image, own[labels.digest]),
    attempt: own[labels.attempt],
    fence: Number(own[labels.fence] ?? 0) || 0,
    health: known.find((one) => one === health) ?? "none",
    ranMs: Math.max(0, Date.now() - Date.parse(State.StartedAt)),
    trouble: describeTrouble(State, RestartCount),
  };
}

/** Which digest an image was pulled by. What a label says counts only where the image agrees. */
async function digestOf(docker: Dockerode, image: string, labelled: string | undefined): Promise<Digest | undefined> {
  try {
    const { RepoDigests, Id } = await docker.getImage(image).inspect();
    const digests = RepoDigests.map((one) => one.slice(one.lastIndexOf("@") + 1));
    const found = digests.find((one) => one === labelled) ?? digests[0] ?? Id;
    return isDigest(found) ? found : undefined;
  } catch (error) {
    // An image may be removed while a container of it runs.
    if (isGone(error)) return labelled !== undefined && isDigest(labelled) ? labelled : undefined;
    throw error;
  }
}

function describeTrouble(state: Dockerode.ContainerInspectInfo["State"], restarts: number): string | undefined {
  const said = printable(state.Health?.Log.at(-1)?.Output.trim() ?? "").slice(0, 500);
  // What Docker ends a container with whose command it cannot find or run.
  if (state.Status === "created" && (state.ExitCode === 126 || state.ExitCode === 127))
    return `its command cannot be run: ${printable(state.Error).slice(0, 500)}`;
  if (state.OOMKilled) return "it ran out of memory";
  if (restarts > 0) return `it ended with ${state.ExitCode} and was started again ${restarts} times`;
  if (state.Status === "exited" || state.Status === "dead") return `it ended with ${state.ExitCode}`;
  // One that has ended keeps what was last said of its health.
  if (state.Health?.Status === "unhealthy") return `it is unhealthy${said === "" ? "" : `: ${said}`}`;
  return undefined;
}

/** Whether Docker says that there is no such thing. */
function isGone(error: unknown): boolean {
  return (error as { statusCode?: number }).statusCode === 404;
}

const mostSaid = 500;

/** The last line that a container wrote; undefined where there is none, or where that cannot be told. */
export async function lastWords(docker: Dockerode, id: string): Promise<string | undefined> {
  try {
    const bytes = await docker.getContainer(id).logs({ stdout: true, stderr: true, tail: 5, follow: false });
    const lines = Buffer.concat(readDockerFrames(bytes)).toString("utf8").split("\n");
    const last = printable(lines.findLast((line) => line.trim() !== "")?.trim() ?? "").slice(0, mostSaid);
    return last === "" ? undefined : last;
  } catch {
    return undefined;
  }
}

/** Ends a container as its own stop time has it, and removes it with its anonymous volumes left alone. Gone already is the same. */
export async function removeContainer(docker: Dockerode, id: string): Promise<void> {
  const container = docker.getContainer(id);
  try {
    await container.stop().catch((error: unknown) => {
      // 304: it does not run.
      if ((error as { statusCode?: number }).statusCode !== 304) throw error;
    });
    await container.remove();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
