import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { SmallFleet } from "./small-fleet.ts";

const program = fileURLToPath(new URL("../../bin/tidemill.js", import.meta.url));

/** A `tidemill` that goes on until it is ended. */
export interface RunningTidemill {
  readonly pid: number;
  /** All that it wrote so far. */
  readonly output: () => string;
  readonly ended: Promise<number | null>;
  /** Sends the signal and waits for the end. */
  readonly end: (signal: "SIGKILL" | "SIGTERM") => Promise<number | null>;
}

/** Starts `tidemill` with `args` on the configuration of `small`; the data directory is its own where no other is named. */
export function startTidemill(small: SmallFleet, args: readonly string[], dataDir = small.dataDir): RunningTidemill {
  const { TIDEMILL_DEBIAN_MIRROR: _mirror, DATABASE_URL: _url, ...rest } = process.env;
  const child = spawn(process.execPath, [program, ...args, "--config", small.configPath, "--data", dataDir], {
    env: { ...rest, ...small.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (piece: Buffer) => (output += piece.toString("utf8")));
  child.stderr.on("data", (piece: Buffer) => (output += piece.toString("utf8")));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return {
    pid: child.pid ?? 0,
    output: () => output,
    ended,
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}
