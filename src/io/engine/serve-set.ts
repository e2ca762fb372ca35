import { mkdtemp, readdir, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import type Dockerode from "dockerode";
import { renderComposeSet, type ComposeSet } from "../../core/compose/index.ts";
import { findCompose, messageOf, runCompose } from "../../lib/index.ts";
import { lookIntoSet, readSetLogs, removeSets, setLabel } from "./set-containers.ts";
import type { RunningSet, ServedSet, SetRequest } from "./types.ts";

/** What one run of a set is known by. */
export interface SetRun {
  /** Unique to it, in what Docker takes for a name. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** By service: what the daemon knows the images by that are ours. */
  readonly images: Readonly<Record<string, string>>;
  /** What the names of its folders begin with. */
  readonly folders: string;
}

/** Bytes that the daemon keeps of what one container says. */
const logBytes = 1_048_576;

/**
 * Runs a set of services by Docker Compose under limits, in an internal network of its own, has it asked, and takes away everything. What Compose is given is written by us: nothing of the file goes to it that was not read.
 * A set that is not started says why. Throws what the daemon throws, `ask`, and an abort; nothing is left then either.
 */
export async function serveSet<T>(
  docker: Dockerode,
  request: SetRequest,
  { name, labels, images, folders }: SetRun,
  ask: (set: RunningSet, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal = new AbortController().signal,
): Promise<ServedSet<T>> {
  const end = performance.now() + request.timeoutMs;
  const left = (): number => Math.max(1, Math.ceil(end - performance.now()));
  const work = await mkdtemp(join(tmpdir(), folders));
  try {
    const compose = await findCompose(work, signal);
    if (typeof compose === "string") return { kind: "unavailable", reason: compose };
    const folder = await realpath(request.folder);
    const outside = await findOutside(request.set, folder);
    if (outside !== undefined) return { kind: "not started", reason: outside, logs: {} };
    const { memoryBytes, cpus, pids, outputBytes } = request.limits;
    const text = renderComposeSet(request.set, {
      images,
      folder,
      readOnly: request.writable ? undefined : request.service,
      labels: { ...labels, [setLabel]: name },
      limits: { memoryBytes, cpus, pids, logBytes },
    });
    const file = join(work, "set.json");
    await writeFile(file, text, { mode: 0o600 });
    const run = (args: readonly string[]): Promise<string | undefined> =>
      runCompose(work, ["-f", file, "-p", name, "--project-directory", work, ...args], left(), signal);

    const absent = await findAbsent(docker, request.set, images);
    const unpulled = absent.length === 0 ? undefined : await run(["pull", "--quiet", ...absent]);
    // Compose takes what Podman says of a failed pull for the end of one that went well.
    const missed = unpulled === undefined && absent.length > 0 ? await findAbsent(docker, request.set, images) : [];
    const lacking = unpulled ?? (missed.length === 0 ? undefined : `that of ${missed.join(", ")} did not come`);
    if (lacking !== undefined) return { kind: "unavailable", reason: `its images cannot be pulled: ${lacking}` };
    const problem = await run(["up", "-d", "--no-build", "--quiet-pull"]);
    const logs = (): Promise<Readonly<Record<string, string>>> => readSetLogs(docker, name, outputBytes);
    const running = lookIntoSet(docker, name, request.service);
    if (problem !== undefined) {
      const why = (await running.trouble()) ?? problem;
      return { kind: "not started", reason: why, logs: await logs() };
    }
    const answer = await ask(running, signal);
    return { kind: "asked", answer, logs: await logs() };
  } finally {
    await removeSets(docker, [], (one) => one === name);
    await rm(work, { recursive: true, force: true });
  }
}

/** Services whose images the daemon does not have. */
async function findAbsent(
  docker: Dockerode,
  { services }: ComposeSet,
  own: Readonly<Record<string, string>>,
): Promise<string[]> {
  const absent: string[] = [];
  for (const [service, { image }] of Object.entries(services)) {
    if (Object.hasOwn(own, service)) continue;
    const isThere = await docker
      .getImage(image)
      .inspect()
      .then(
        () => true,
        (error: unknown) => {
          if ((error as { statusCode?: number }).statusCode === 404) return false;
          throw error;
        },
      );
    if (!isThere) absent.push(service);
  }
  return absent;
}

/** What a set would mount that is not there, is neither file nor folder, or lies elsewhere by a link; undefined where all is well. */
async function findOutside({ services }: ComposeSet, folder: string): Promise<string | undefined> {
  for (const [service, { volumes }] of Object.entries(services))
    for (const { kind, source } of volumes ?? []) {
      if (kind !== "bind" || source === undefined) continue;
      try {
        const path = await realpath(join(folder, source));
        if (!path.startsWith(`${folder}${sep}`)) return `${service} mounts ./${source}, which lies elsewhere by a link`;
        const found = await stat(path);
        if (!found.isFile() && !found.isDirectory())
          return `${service} mounts ./${source}, which is neither a file nor a folder`;
      } catch (error) {
        return `${service} mounts ./${source}: ${messageOf(error)}`;
      }
    }
  return undefined;
}

/** Takes away folders that runs of a killed process left. */
export async function sweepSetFolders(folders: string): Promise<void> {
  for (const one of await readdir(tmpdir()))
    if (one.startsWith(folders)) await rm(join(tmpdir(), one), { recursive: true, force: true });
}
