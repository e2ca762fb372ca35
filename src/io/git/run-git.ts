import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { formatBytes, messageOf, printable, sizeOfFolder } from "../../lib/index.ts";
import { GitError } from "./error.ts";
import type { GitCall } from "./git-environment.ts";

export interface RunOptions {
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Gets standard output as it comes; what it throws ends git and is thrown. Without it, output is kept. */
  readonly onOutput?: (chunk: Buffer) => void;
  /** A folder that may not grow beyond `bytes` while git runs; `what` names it. */
  readonly watch?: { readonly folder: string; readonly bytes: number; readonly what: string };
}

export interface GitResult {
  readonly status: number;
  readonly stdout: string;
  /** What git said, on one line, fit to be shown. */
  readonly words: string;
}

const outputLimit = 1_048_576;
const graceMs = 3000;
const lookEveryMs = 100;

/**
 * Runs git without a shell, in a process group of its own, until nothing of it is left. An abort ends the group and is thrown as the signal's reason; throws
 * NO_GIT where there is none, TOO_LARGE where the watched folder or the output grows past its limit.
 */
export async function runGit(call: GitCall, args: readonly string[], options: RunOptions): Promise<GitResult> {
  const { cwd, signal, onOutput, watch } = options;
  signal.throwIfAborted();
  const child = spawn("git", [...call.options, ...args], {
    env: call.env,
    cwd,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let failure: unknown;
  let killing: NodeJS.Timeout | undefined;
  const end = (): void => {
    signalGroup(child.pid, "SIGTERM");
    killing ??= setTimeout(() => signalGroup(child.pid, "SIGKILL"), graceMs);
  };
  const fail = (error: unknown): void => {
    failure ??= error;
    end();
  };
  const exited = new Promise<number>((resolve, reject) => {
    child.once("error", (cause) => {
      reject(new GitError("NO_GIT", `git cannot be run: ${messageOf(cause)}`, { cause, hint: "Install Git." }));
    });
    child.once("close", (status) => resolve(status ?? 137));
  });
  const stdout: Buffer[] = [];
  let size = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    if (failure !== undefined) return;
    try {
      if (onOutput !== undefined) return onOutput(chunk);
      size += chunk.length;
      if (size > outputLimit) throw new GitError("TOO_LARGE", `git ${args[0]} answers more than ${outputLimit} bytes`);
      stdout.push(chunk);
    } catch (error) {
      fail(error);
    }
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = `${stderr}${text}`.slice(-16_384);
  });
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const watching = watch === undefined ? undefined : watchSize(watch, fail);
  try {
    const status = await exited;
    await watching?.stop();
    // What let go of its output and stayed.
    signalGroup(child.pid, "SIGKILL");
    signal.throwIfAborted();
    if (failure !== undefined) throw failure as Error;
    return { status, stdout: Buffer.concat(stdout).toString(), words: readable(stderr, call.secrets) };
  } finally {
    clearTimeout(killing);
    signal.removeEventListener("abort", end);
    await watching?.stop();
  }
}

/** Looks at a folder until it is stopped, and once more then. */
function watchSize(
  { folder, bytes, what }: NonNullable<RunOptions["watch"]>,
  fail: (error: unknown) => void,
): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const look = async (): Promise<boolean> => {
    const fits = (await sizeOfFolder(folder)) <= bytes;
    if (!fits) fail(new GitError("TOO_LARGE", `${what} is larger than ${formatBytes(bytes)}`));
    return fits;
  };
  const loop = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      if (!(await look())) return;
      await sleep(lookEveryMs, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
    await look();
  };
  const done = loop().catch(fail);
  return {
    stop: async () => {
      stopped.abort();
      await done;
    },
  };
}

function signalGroup(group: number | undefined, name: NodeJS.Signals): void {
  if (group === undefined) return;
  try {
    process.kill(-group, name);
  } catch {
    // It has ended.
  }
}

/** What git wrote, without credentials and terminal escapes, short. */
function readable(stderr: string, secrets: readonly string[]): string {
  let text = stderr.replaceAll(/\/\/[^/\s@]*@/g, "//");
  for (const secret of secrets) text = text.replaceAll(secret, "***");
  const lines = text
    .split(/[\r\n]+/)
    .map((line) => printable(line).trim())
    .filter((line) => line !== "" && !line.startsWith("hint:"));
  return lines.join("; ").slice(0, 500);
}
