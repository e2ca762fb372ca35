import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { execFile } from "node:child_process";
import { unmountBelow } from "./own-docker.ts";

const run = promisify(execFile);

/** A service of Podman, of the test's own. */
export interface OwnPodman {
  /** For DOCKER_HOST. */
  readonly host: string;
  close(): Promise<void>;
}

/** Why none can be started here; undefined where it can. */
export async function missingOwnPodman(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "root, to run podman's service";
  for (const program of ["podman", "runc", "jq", "/usr/lib/podman/netavark", "/usr/lib/podman/aardvark-dns"])
    if (!(await isThere(program))) return `${program} is not installed`;
  return undefined;
}

/**
 * Starts one that keeps everything in a folder of its own. It asks for more open files than whoever is no more than root of a container may
 * have, so its runtime is runc without `process.rlimits`.
 */
export async function startOwnPodman(): Promise<OwnPodman> {
  const dir = await mkdtemp(join(tmpdir(), "tidemill-podman-"));
  const at = (name: string): string => join(dir, name);
  const runtime = `#!/bin/sh
before= bundle=
for each in "$@"; do case $before in --bundle | -b) bundle=$each ;; esac; before=$each; done
if [ -n "$bundle" ]; then
  jq -c 'del(.process.rlimits)' "$bundle/config.json" >"$bundle/config.new" && mv "$bundle/config.new" "$bundle/config.json"
fi
exec runc "$@"
`;
  await writeFile(at("runc"), runtime, { mode: 0o755 });
  const config = `[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "without-limits"
[engine.runtimes]
without-limits = ["${at("runc")}"]
[network]
network_backend = "netavark"
network_config_dir = "${at("networks")}"
`;
  await writeFile(at("containers.conf"), config);
  const options = ["--root", at("root"), "--runroot", at("run"), "--storage-driver", "overlay"];
  const host = `unix://${at("podman.sock")}`;
  const env = { ...process.env, CONTAINERS_CONF: at("containers.conf") };
  const child = spawn("podman", [...options, "system", "service", "--time", "0", host], { env, stdio: "ignore" });
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await Promise.race([ended, delay(15_000)]);
      child.kill("SIGKILL");
    }
    await unmountBelow(dir);
    await rm(dir, { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined);
  };
  for (let tries = 0; tries < 100; tries += 1) {
    await delay(200);
    if (await answers(host)) return { host, close };
    if (child.exitCode !== null) break;
  }
  await close();
  throw new Error("podman's service does not start");
}

function answers(host: string): Promise<boolean> {
  return run("docker", ["--host", host, "version"]).then(
    () => true,
    () => false,
  );
}

function isThere(program: string): Promise<boolean> {
  return run("sh", ["-c", 'command -v "$0"', program]).then(
    () => true,
    () => false,
  );
}
