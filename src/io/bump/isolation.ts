import { basename, dirname } from "node:path";
import { digestHex, runInGroup, sha256 } from "../../lib/index.ts";
import type { BumpContainer, BumpLimits, Env } from "./types.ts";

/** Where a program of the sandbox runs. */
export interface RunPlace {
  /** All that it may write. */
  readonly root: string;
  readonly cwd: string;
  readonly env: Env;
  readonly limits: BumpLimits;
}

/** What a program is kept apart by. */
export interface Isolation {
  /** The command that runs another one there, and its environment. */
  readonly wrap: (
    command: readonly string[],
    place: RunPlace,
  ) => { readonly command: readonly string[]; readonly env: Env };
  /** Ends what runs on after its client was ended; nothing where that cannot be. */
  readonly end: (root: string) => Promise<void>;
}

const askMs = 30_000;
const label = "tidemill.bump";

/** A process group alone. */
export const processGroup: Isolation = { wrap: (command, { env }) => ({ command, env }), end: () => Promise.resolve() };

/**
 * Namespaces of Linux: a program has no rights of the system, sees no other process, so none of their environments, and ends with the first of its own; the folders that are hidden are empty there but for its root. Undefined where this machine does not allow
 * them. unshare(1), pid_namespaces(7), mount_namespaces(7).
 */
export async function findNamespaces(hidden: readonly string[], root: string): Promise<Isolation | undefined> {
  const isRoot = process.getuid?.() === 0;
  const own = isRoot ? [] : ["--user", "--map-root-user"];
  const flags = ["--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"];
  const isolation: Isolation = {
    ...processGroup,
    wrap: (command, place) => ({
      command: [
        // It does not go on where this process was killed: nobody would keep it within its limits.
        "setpriv",
        "--pdeathsig",
        "KILL",
        "unshare",
        ...own,
        ...flags,
        "/bin/sh",
        "-c",
        enter,
        "sh",
        place.root,
        place.cwd,
        `${hidden.length}`,
        ...hidden,
        ...command,
      ],
      env: place.env,
    }),
  };
  const { command } = isolation.wrap(["true"], {
    root,
    cwd: root,
    env: {},
    limits: { timeMs: 0, disk: 0, memory: 0, output: 0 },
  });
  const ended = await runInGroup({ command, env: {}, timeoutMs: askMs, onOutput: () => undefined });
  return ended.kind === "ended" && ended.status === 0 ? isolation : undefined;
}

/** Its root is held open while what is above it is hidden, and laid over its place again. */
const enter = [
  "set -e",
  'root=$1 cwd=$2 count=$3; shift 3; exec 9<"$root"',
  'while [ "$count" -gt 0 ]; do if [ -d "$1" ]; then mount -t tmpfs -o size=1m,mode=755 none "$1"; fi; shift; count=$((count - 1)); done',
  'mkdir -p "$root"; mount --no-canonicalize --bind /proc/self/fd/9 "$root"; exec 9<&-',
  // What was hidden could be laid open again by who may mount.
  'cd "$cwd"; exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"',
].join("\n");

/** A container: no right of the system's, nothing to write but the root, and limits of memory, processors and processes. docker-run(1). */
export function inContainer({ image, network }: BumpContainer, docker: string): Isolation {
  const nameOf = (root: string): string => `tidemill-bump-${ownerOf(dirname(root))}-${basename(root)}`;
  return {
    wrap: (command, { root, cwd, env, limits }) => ({
      command: [
        [docker, "run", "--rm", "--init", "--name", nameOf(root), "--label", `${label}=${ownerOf(dirname(root))}`],
        ["--network", network, "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
        [
          "--pids-limit",
          "1024",
          "--cpus",
          "2",
          "--memory",
          `${limits.memory + spare}`,
          "--memory-swap",
          `${limits.memory + spare}`,
        ],
        ["--ulimit", "core=0", "--user", `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`, "--workdir", cwd],
        ["--mount", `type=bind,source=${root},target=${root}`, "--entrypoint", command[0] ?? ""],
        Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
        [image, ...command.slice(1)],
      ].flat(),
      env: dockerEnv(),
    }),
    end: (root) => remove(docker, [nameOf(root)]),
  };
}

/** Beside its heap. */
const spare = 536_870_912;

/** Ends the containers that a process which was killed has left of a bumper's folder. */
export async function removeContainers(docker: string, dir: string): Promise<void> {
  let text = "";
  await runInGroup({
    command: [docker, "ps", "--all", "--quiet", "--filter", `label=${label}=${ownerOf(dir)}`],
    env: dockerEnv(),
    timeoutMs: askMs,
    onOutput: (piece, stream) => void (stream === "stdout" && (text += piece.toString())),
  });
  const ids = text.split("\n").filter((one) => one !== "");
  if (ids.length > 0) await remove(docker, ids);
}

async function remove(docker: string, names: readonly string[]): Promise<void> {
  const command = [docker, "rm", "--force", ...names];
  await runInGroup({ command, env: dockerEnv(), timeoutMs: askMs, onOutput: () => undefined });
}

function ownerOf(dir: string): string {
  return digestHex(sha256(dir)).slice(0, 16);
}

/** How docker's own client finds its engine. */
function dockerEnv(): Env {
  const { DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CERT_PATH, DOCKER_TLS_VERIFY, DOCKER_CONFIG } = process.env;
  const all = { DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CERT_PATH, DOCKER_TLS_VERIFY, DOCKER_CONFIG };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
