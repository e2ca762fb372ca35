import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What a command said, and how it ended. */
export interface Outcome {
  readonly status: number;
  readonly output: string;
}

/** Why docker cannot be used here; undefined where it can. */
export async function missingDocker(): Promise<string | undefined> {
  const { status } = await docker(["version", "--format", "{{.Server.Version}}"]);
  return status === 0 ? undefined : "docker does not answer";
}

/** Runs docker with these arguments; a status other than 0 is an outcome, too. */
export async function docker(args: readonly string[], timeout = 170_000): Promise<Outcome> {
  try {
    const { stdout, stderr } = await run("docker", args, { timeout, maxBuffer: 64 << 20 });
    return { status: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as { code?: number | string; stdout?: string; stderr?: string };
    return { status: typeof code === "number" ? code : 1, output: `${stdout}${stderr}` };
  }
}

/** Runs a shell's text in a container of `image` that is gone afterwards; the network is the host's where `network` says so. */
export function inContainer(image: string, script: string, network = false): Promise<Outcome> {
  return docker([
    "run",
    "--rm",
    "--network",
    network ? "host" : "none",
    "--entrypoint",
    "/bin/sh",
    image,
    "-ec",
    script,
  ]);
}
