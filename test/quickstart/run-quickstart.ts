import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../bin/tidemill.js", import.meta.url));

/** The small fleet on the shipped archive: no network, no daemon. */
export const tideConfig = fileURLToPath(new URL("../../examples/quickstart/tide.yaml", import.meta.url));

export interface Ended {
  /** Null where a signal ended it. */
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  /** Sends SIGKILL after so many milliseconds. */
  readonly killAfterMs?: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where it runs; by default here. */
  readonly cwd?: string;
  /** What it reads on standard input. */
  readonly input?: string;
}

/** Runs `tidemill` with `args`, without Docker, as its user would. */
export function runTidemill(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const env = {
    ...process.env,
    DATABASE_URL: undefined,
    DOCKER_HOST: "unix:///nonexistent.sock",
    NO_COLOR: "1",
    ...options.env,
  };
  const { cwd, input } = options;
  const child = spawn(process.execPath, [program, ...args], {
    env,
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  let out = "";
  let err = "";
  child.stdout.on("data", (piece: Buffer) => (out += piece.toString("utf8")));
  child.stderr.on("data", (piece: Buffer) => (err += piece.toString("utf8")));
  const { killAfterMs } = options;
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      clearTimeout(timer);
      resolve({ status, out, err });
    });
  });
}

export interface Counts {
  readonly images: number;
  readonly built: number;
  readonly rebuilt: number;
  readonly unchanged: number;
  readonly held: number;
  readonly failed: number;
  readonly rolledBack: number;
  readonly cvesClosed: number;
  readonly secondsFixToProduction: number | null;
}

/** Runs the quickstart to its end, and reads what it prints; throws with all that it said where it failed. */
export async function runQuickstart(args: readonly string[], options: RunOptions = {}): Promise<Counts> {
  const ended = await runTidemill(["quickstart", "--exit", "--json", ...args], options);
  if (ended.status !== 0) throw new Error(`it ended with ${ended.status}\n${ended.out}\n${ended.err}`);
  return JSON.parse(ended.out) as Counts;
}

/** For commands that only read: the shipped archive is served by a quickstart alone. */
export const noTide = { TIDEMILL_TIDE_MIRROR: "http://127.0.0.1:1" };

/** Image and environment to digest, as `tidemill status` says them. */
export async function readPointers(data: string): Promise<Record<string, string | null>> {
  const ended = await runTidemill(["status", "--json", "--data", data], { env: noTide });
  if (ended.status !== 0) throw new Error(ended.err);
  const status = JSON.parse(ended.out) as {
    readonly images: readonly { name: string; environments: readonly { name: string; digest: string | null }[] }[];
  };
  return Object.fromEntries(
    status.images.flatMap(({ name, environments }) =>
      environments.map((one) => [`${name}:${one.name}`, one.digest] as const),
    ),
  );
}
