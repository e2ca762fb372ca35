import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../../lib/index.ts";
import { BuildError } from "./build-error.ts";

export interface ProgramOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Gets what the program writes; without it, standard output is thrown away. */
  readonly onOutput?: (chunk: Buffer, from: "stdout" | "stderr") => void;
  /** Reads standard output in place of `onOutput`. */
  readonly consume?: (stdout: Readable) => Promise<void>;
  /** Goes to its standard input; without it, that is empty. */
  readonly input?: Readable;
  /** Called with the id of the process group as soon as it is there. */
  readonly onStart?: (group: number) => Promise<void>;
}

const graceMs = 5000;
const closedEarly = new Set(["EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET"]);

/**
 * Runs a program in a process group of its own until it and what reads its output have ended; resolves to its status. An abort ends the whole group, first by SIGTERM, and is thrown as the
 * signal's reason once nothing of it is left. Throws ENGINE_UNAVAILABLE where the program cannot be started, or somebody else killed it:
 * that says nothing of what it was doing.
 */
export async function runProgram(program: string, args: readonly string[], options: ProgramOptions): Promise<number> {
  const { env, cwd, signal, onOutput, consume, input, onStart } = options;
  signal.throwIfAborted();
  const child = spawn(program, args, { env, cwd, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  const exited = new Promise<number>((resolve, reject) => {
    child.once("error", (cause) => {
      const hint = `Install ${program}, or choose another engine.`;
      reject(new BuildError("ENGINE_UNAVAILABLE", `${program} cannot be run: ${messageOf(cause)}`, { cause, hint }));
    });
    child.once("close", (status, killedBy) => {
      if (status !== null) return resolve(status);
      const hint = "Was the machine short of memory? Its kernel's log says so.";
      const message = `${program} was killed by ${killedBy ?? "a signal"} before it was done`;
      return reject(new BuildError("ENGINE_UNAVAILABLE", message, { hint, retry: true }));
    });
  });
  const failures: Error[] = [];
  let ending: Promise<void> | undefined;
  const end = (): void => void (ending ??= endGroup(child.pid));
  const fail = (error: unknown): void => {
    failures.push(error instanceof Error ? error : new Error(messageOf(error)));
    end();
  };
  child.stderr.on("data", (chunk: Buffer) => onOutput?.(chunk, "stderr"));
  if (consume === undefined) child.stdout.on("data", (chunk: Buffer) => onOutput?.(chunk, "stdout"));
  const consumed = consume?.(child.stdout).catch((error: unknown) => {
    // Nobody reads any more: without this the program would wait for ever.
    child.stdout.resume();
    fail(error);
  });
  pipeline(input ?? Readable.from([]), child.stdin).catch((error: unknown) => {
    // A program that ends before it has read all says itself why.
    if (!closedEarly.has((error as NodeJS.ErrnoException).code ?? "")) fail(error);
  });
  // What a killed program started (docker's plugins) would run on, and hold its output open.
  child.once("exit", (_status, killedBy) => killedBy !== null && end());
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    if (child.pid !== undefined) await onStart?.(child.pid).catch(fail);
    // An end of ours kills too: what it was for is the reason then.
    const [ended] = await Promise.allSettled([exited]);
    await consumed;
    await ending;
    signal.throwIfAborted();
    const [failure] = failures;
    if (failure !== undefined) throw failure;
    if (ended.status === "rejected") throw ended.reason;
    return ended.value;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** Ends a process group: asks, waits, and kills what is left. */
export async function endGroup(group: number | undefined): Promise<void> {
  if (group === undefined || !signalGroup(group, "SIGTERM")) return;
  for (let waited = 0; waited < graceMs; waited += 50) {
    await sleep(50);
    if (!signalGroup(group, 0)) return;
  }
  signalGroup(group, "SIGKILL");
}

/** Whether there was anything to signal. */
function signalGroup(group: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, name);
  } catch {
    return false;
  }
}
