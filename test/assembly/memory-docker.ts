import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const daemon = "/usr/sbin/dockerd";
const memory = "/dev/shm";

/** A docker daemon of the test's own that keeps everything in memory. */
export interface MemoryDocker {
  /** For DOCKER_HOST. */
  readonly host: string;
  close(): Promise<void>;
}

/** Starts one, so that nobody else's writing to a disk is measured; undefined where that cannot be done: without root, the daemon's program, or memory for files. */
export async function startMemoryDocker(): Promise<MemoryDocker | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const path of [daemon, memory])
    if (
      !(await access(path).then(
        () => true,
        () => false,
      ))
    )
      return undefined;
  const dir = await mkdtemp(join(memory, "tidemill-docker-"));
  const host = `unix://${dir}/docker.sock`;
  const options = { "data-root": "data", "exec-root": "exec", pidfile: "pid" };
  const paths = Object.entries(options).flatMap(([name, path]) => [`--${name}`, join(dir, path)]);
  const more = ["--host", host, "--bridge", "none", "--iptables=false", "--insecure-registry", "127.0.0.0/8"];
  const child = spawn(daemon, [...paths, ...more], { stdio: "ignore" });
  const ended = once(child, "exit").catch(() => undefined);
  const close = async (): Promise<void> => {
    child.kill("SIGTERM");
    await Promise.race([ended, delay(15_000)]);
    child.kill("SIGKILL");
    await rm(dir, { recursive: true, force: true }).catch(() => undefined);
  };
  for (let tries = 0; tries < 50; tries += 1) {
    await delay(200);
    const answers = await run("docker", ["--host", host, "info"]).then(
      () => true,
      () => false,
    );
    if (answers) return { host, close };
    if (child.exitCode !== null) break;
  }
  await close();
  return undefined;
}
