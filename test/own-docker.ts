import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const daemon = "/usr/sbin/dockerd";

/** A docker daemon of the test's own. */
export interface OwnDocker {
  /** For DOCKER_HOST. */
  readonly host: string;
  /** Ends it by SIGKILL, with everything that it started; its images and caches stay. */
  kill(): Promise<void>;
  /** Starts it again on the files that are there. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Why no daemon of one's own can be started here; undefined where it can. */
export async function missingOwnDocker(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "root, to run dockerd";
  return access(daemon).then(
    () => undefined,
    () => `${daemon} is not installed`,
  );
}

/** Starts one that keeps everything below `parent`: `/dev/shm` where nobody's writing to a disk may be measured. Undefined where that cannot be done. */
export async function startOwnDocker(parent: string): Promise<OwnDocker | undefined> {
  if ((await missingOwnDocker()) !== undefined) return undefined;
  const dir = await mkdtemp(join(parent, "tidemill-docker-")).catch(() => undefined);
  if (dir === undefined) return undefined;
  const host = `unix://${dir}/docker.sock`;
  const bridge = `tm${basename(dir).slice(-6)}`;
  const options = { "data-root": "data", "exec-root": "exec", pidfile: "pid" };
  const paths = Object.entries(options).flatMap(([name, path]) => [`--${name}`, join(dir, path)]);
  const more = ["--host", host, "--bridge", bridge, "--iptables=false", "--insecure-registry", "127.0.0.0/8"];
  // A daemon without a bridge takes away docker0, which is another daemon's.
  await addBridge(bridge);
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit").catch(() => undefined);
    child.kill(signal);
    await Promise.race([ended, delay(15_000)]);
    child.kill("SIGKILL");
  };
  const start = async (): Promise<boolean> => {
    await rm(join(dir, "pid"), { force: true });
    child = spawn(daemon, [...paths, ...more], { stdio: "ignore" });
    for (let tries = 0; tries < 100; tries += 1) {
      await delay(200);
      const answers = await run("docker", ["--host", host, "info"]).then(
        () => true,
        () => false,
      );
      if (answers) return true;
      if (child.exitCode !== null) break;
    }
    return false;
  };
  const close = async (): Promise<void> => {
    await end("SIGTERM");
    await unmountBelow(dir);
    await run("ip", ["link", "delete", bridge]).catch(() => undefined);
    await rm(dir, { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined);
  };
  if (!(await start())) {
    await close();
    return undefined;
  }
  return {
    host,
    close,
    kill: async () => {
      await end("SIGKILL");
      for (const group of await processesBelow(dir)) {
        try {
          process.kill(group, "SIGKILL");
        } catch {
          // It has ended meanwhile.
        }
      }
    },
    start: async () => {
      // As after a boot: what a daemon keeps of running things does not outlive them.
      await unmountBelow(dir);
      await rm(join(dir, options["exec-root"]), { recursive: true, force: true });
      if (!(await start())) throw new Error("the daemon does not start again");
    },
  };
}

async function addBridge(name: string): Promise<void> {
  await run("ip", ["link", "add", name, "type", "bridge"]);
  // 203.0.113.0/24 is nobody's (RFC 5737); daemons of tests that run side by side take different parts of it.
  await run("ip", ["address", "add", `203.0.113.${(process.pid % 62) * 4 + 1}/30`, "dev", name]);
  await run("ip", ["link", "set", name, "up"]);
}

/** Unmounts what is mounted below `dir`: where a daemon was killed its containers' file systems are mounted still. */
export async function unmountBelow(dir: string): Promise<void> {
  const script = 'grep -o " $0/[^ ]*" /proc/mounts | sort -r | xargs -r -n 1 umount -l';
  await run("sh", ["-c", script, dir]).catch(() => undefined);
}

/** Processes that a daemon in `dir` started: containerd and its shims, by the folder on their command line. */
async function processesBelow(dir: string): Promise<number[]> {
  const { stdout } = await run("ps", ["-eo", "pid=,args="], { maxBuffer: 16 << 20 });
  return stdout.split("\n").flatMap((line) => {
    const [, pid = "", args = ""] = /^\s*(\d+) (.*)$/.exec(line) ?? [];
    return args.includes(dir) && /^\S*containerd/.test(args) ? [Number(pid)] : [];
  });
}
