import { spawn } from "node:child_process";
import { performance } from "node:perf_hooks";
import { messageOf, printable } from "../../lib/index.ts";
import type { ProbeResult } from "./types.ts";

/** A program of one's own that says whether a service is well: it is where it ends with 0. */
export interface CommandProbe {
  readonly command: readonly string[];
  /** Beside PATH and HOME, all that it is told. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

const maxOutput = 4096;

/** Runs the program once, in a process group of its own that is ended with it. One that cannot be started, fails or is late is an answer; only an abort throws. */
export async function probeCommand(probe: CommandProbe, signal?: AbortSignal): Promise<ProbeResult> {
  signal?.throwIfAborted();
  const started = performance.now();
  const [program = "", ...args] = probe.command;
  const { PATH = "", HOME = "" } = process.env;
  const reason = await new Promise<string | undefined>((resolve) => {
    const env = { PATH, HOME, ...probe.env };
    const child = start(() => spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true }));
    if (typeof child === "string") {
      resolve(child);
      return;
    }
    let output = "";
    const listen = (piece: Buffer): void => void (output = (output + piece.toString("utf8")).slice(-maxOutput));
    const end = (why: string | undefined): void => {
      clearTimeout(limit);
      signal?.removeEventListener("abort", stop);
      resolve(why);
    };
    const kill = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    };
    const stop = (): void => {
      kill();
      end("it was stopped");
    };
    const limit = setTimeout(() => {
      kill();
      end(`it did not end within ${probe.timeoutMs} ms`);
    }, probe.timeoutMs);
    signal?.addEventListener("abort", stop);
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.once("error", (error) => end(error.message));
    child.once("exit", (status) => {
      kill();
      const said = output.trim().split("\n").at(-1) ?? "";
      end(status === 0 ? undefined : `it ended with ${status ?? "a signal"}${said === "" ? "" : `: ${said}`}`);
    });
  });
  signal?.throwIfAborted();
  const ms = performance.now() - started;
  return reason === undefined
    ? { kind: "passed", ms }
    : { kind: "failed", ms, reason: printable(reason).slice(0, 500) };
}

/** What no system takes for a program, one with a NUL in its name, is refused before anything is started. */
function start<T>(spawned: () => T): T | string {
  try {
    return spawned();
  } catch (error) {
    return messageOf(error);
  }
}
