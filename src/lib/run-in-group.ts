import { spawn } from "node:child_process";
import { messageOf } from "./error.ts";

/** A program that is run once, in a process group of its own that is ended with it. */
export interface GroupRun {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** This process's own without it. */
  readonly cwd?: string;
  /** Beside PATH and HOME, all that it is told. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Gets what it writes, as it comes. */
  readonly onOutput: (piece: Buffer, stream: "stdout" | "stderr") => void;
}

/** `status` is null where a signal ended it; `late`: it did not end in its time. */
export type GroupEnd =
  | { readonly kind: "ended"; readonly status: number | null }
  | { readonly kind: "late" }
  | { readonly kind: "not started"; readonly reason: string };

/** Milliseconds in which what is still in its pipes is read: who left the group holds them open for as long as it likes. */
const drainMs = 500;

/** Runs a program. Whatever becomes of it is a value; only an abort throws, and then it has been ended. */
export async function runInGroup(asked: GroupRun, signal?: AbortSignal): Promise<GroupEnd> {
  signal?.throwIfAborted();
  const [program = "", ...args] = asked.command;
  const { PATH = "", HOME = "" } = process.env;
  const ended = await new Promise<GroupEnd>((resolve) => {
    const place = asked.cwd === undefined ? {} : { cwd: asked.cwd };
    const options = { ...place, env: { PATH, HOME, ...asked.env }, detached: true } as const;
    const child = start(() => spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] }));
    if (typeof child === "string") {
      resolve({ kind: "not started", reason: child });
      return;
    }
    const timers: NodeJS.Timeout[] = [];
    const end = (how: GroupEnd): void => {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      child.stdout.destroy();
      child.stderr.destroy();
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
      end({ kind: "late" });
    };
    timers.push(setTimeout(stop, asked.timeoutMs));
    signal?.addEventListener("abort", stop);
    child.stdout.on("data", (piece: Buffer) => asked.onOutput(piece, "stdout"));
    child.stderr.on("data", (piece: Buffer) => asked.onOutput(piece, "stderr"));
    child.once("error", (error) => end({ kind: "not started", reason: error.message }));
    child.once("exit", (status) => {
      // What it left behind would hold its output open.
      kill();
      timers.push(setTimeout(() => end({ kind: "ended", status }), drainMs));
      child.once("close", () => end({ kind: "ended", status }));
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
