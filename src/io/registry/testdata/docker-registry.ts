import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "../../../../test/free-port.ts";

const program = "docker-registry";

/** Docker's own registry, of Distribution 2: without the referrers API and without If-Match. */
export interface DockerRegistry {
  readonly host: string;
  readonly origin: string;
  /** Where it keeps its files, as whoever has the machine would find them. */
  readonly data: string;
  close(): Promise<void>;
}

/** Why `docker-registry` cannot be run here, or undefined. */
export async function missingDockerRegistry(): Promise<string | undefined> {
  const found = await promisify(execFile)(program, ["--version"]).then(
    ({ stdout }) => stdout,
    () => "",
  );
  return found.includes("distribution") ? undefined : "docker-registry, which is not installed";
}

/** Starts it on a free port of loopback, with a folder of its own. */
export async function startDockerRegistry(): Promise<DockerRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-docker-registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  const data = join(folder, "data");
  const config = {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: data }, delete: { enabled: true } },
    http: { addr: host, secret: "only for tests" },
  };
  // JSON is YAML.
  await writeFile(join(folder, "config.yml"), JSON.stringify(config));
  const child = spawn(program, ["serve", join(folder, "config.yml")], { stdio: "ignore" });
  const close = async (): Promise<void> => {
    await stop(child);
    await rm(folder, { recursive: true, force: true });
  };
  const origin = `http://${host}`;
  for (let tries = 0; ; tries++) {
    if ((await fetch(`${origin}/v2/`).catch(() => undefined))?.status === 200) return { host, origin, data, close };
    if (tries > 200 || child.exitCode !== null) {
      await close();
      throw new Error(`docker-registry does not answer; it ended with ${child.exitCode}`);
    }
    await sleep(50);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}
