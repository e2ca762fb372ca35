import { spawn } from "node:child_process";
import { messageOf } from "../../lib/index.ts";

/** A program of one's own. */
export interface ProgramRun {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Beside PATH and HOME, all that it is told. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Bytes of output that are kept, those that came last. */
  readonly keep: number;
}

/** `status` is null where a signal ended it. `output` is what it said on both of its outputs, as it came. */
export type ProgramEnd =
  | { readonly kind: "ended"; readonly status: number | null; readonly output: string }
  | { readonly kind: "late"; readonly output: string }
  | { readonly kind: "not started"; readonly reason: string };

/** Runs a program once, in a process group of its own that is ended with it. Whatever becomes of it is a value; only an abort throws. */
export async function runProgram(asked: ProgramRun, signal?: AbortSignal): Promise<ProgramEnd> {
  signal?.throwIfAborted();
  const [program = "", ...args] = asked.command;
  const { PATH = "", HOME = "" } = process.env;
  const ended = await new Promise<ProgramEnd>((resolve) => {
    const env = { PATH, HOME, ...asked.env };
    const child = start(() => spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true }));
    if (typeof child === "string") {
      resolve({ kind: "not started", reason: child });
      return;
    }
    let output = Buffer.alloc(0);
    const said = (): string => output.toString("utf8");
    const listen = (piece: Buffer): void => void (output = Buffer.concat([output, piece]).subarray(-asked.keep));
    const end = (how: ProgramEnd): void => {
      clearTimeout(limit);
      signal?.removeEventListener("abort", stop);
      resolve(how);
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
      end({ kind: "late", output: said() });
    };
    const limit = setTimeout(stop, asked.timeoutMs);
    signal?.addEventListener("abort", stop);
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.once("error", (error) => end({ kind: "not started", reason: error.message }));
    child.once("exit", (status) => {
      kill();
      end({ kind: "ended", status, output: said() });
    });
  });
  signal?.throwIfAborted();
  return ended;
}

/** What no system takes for a program, one with a NUL in its name, is refused before anything is started. */
function start<T>(spawned: () => T): T | string {
  try {
    return spawned();
  } catch (error) {
    return messageOf(error);
  }
}
