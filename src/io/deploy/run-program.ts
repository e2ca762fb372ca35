import { spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";
import { messageOf, printable } from "../../lib/index.ts";

/** A program that is run once, in a process group of its own that is ended with it. */
export interface Program {
  readonly command: readonly string[];
  readonly cwd: string;
  /** Beside PATH and HOME, all that it is told. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** How it ended, and what it said: the first of its output, and for people its last line, or its last few. */
export type Ended =
  | {
      readonly kind: "ended";
      readonly status: number;
      readonly output: string;
      readonly said: string;
      readonly tail: string;
    }
  | { readonly kind: "late" | "not-started"; readonly reason: string };

const maxOutput = 65_536;
const maxSaid = 4096;

/** Runs a program. What it writes is read to its end and mostly thrown away. Whatever goes wrong with it is an answer; only an abort throws, and then it has been ended. */
export async function runProgram(program: Program, signal: AbortSignal): Promise<Ended> {
  signal.throwIfAborted();
  const [file = "", ...args] = program.command;
  const { PATH = "", HOME = "" } = process.env;
  const ended = await new Promise<Ended>((resolve) => {
    const options = { cwd: program.cwd, env: { PATH, HOME, ...program.env }, detached: true } as const;
    const child = start(() => spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] }));
    if (typeof child === "string") {
      resolve({ kind: "not-started", reason: printable(child) });
      return;
    }
    const decoder = new StringDecoder("utf8");
    let output = "";
    let tail = "";
    child.stdout.on("data", (piece: Buffer) => {
      const read = decoder.write(piece);
      if (output.length < maxOutput) output += read.slice(0, maxOutput - output.length);
      tail = (tail + read).slice(-maxSaid);
    });
    child.stderr.on("data", (piece: Buffer) => void (tail = (tail + piece.toString("utf8")).slice(-maxSaid)));
    const end = (how: Ended): void => {
      clearTimeout(limit);
      signal.removeEventListener("abort", stop);
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
      end({ kind: "late", reason: "it was stopped" });
    };
    const limit = setTimeout(() => {
      kill();
      end({ kind: "late", reason: `it did not end within ${program.timeoutMs} ms` });
    }, program.timeoutMs);
    signal.addEventListener("abort", stop);
    child.once("error", (error) => end({ kind: "not-started", reason: printable(error.message) }));
    let status = -1;
    child.once("exit", (code) => {
      status = code ?? -1;
      // What it left behind would hold its output open.
      kill();
    });
    child.once("close", () =>
      end({ kind: "ended", status, output, said: lastLines(tail, 1), tail: lastLines(tail, 4) }),
    );
  });
  signal.throwIfAborted();
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

function lastLines(text: string, count: number): string {
  const lines = text.split(/[\r\n]/).flatMap((line) => (line.trim() === "" ? [] : [printable(line.trim())]));
  return lines.slice(-count).join("; ").slice(-500);
}

/** How a program that did not do its work ended, as a sentence. */
export function describeEnd(ended: Ended): string {
  if (ended.kind !== "ended") return ended.reason;
  const how = ended.status < 0 ? "it was ended by a signal" : `it ended with ${ended.status}`;
  return ended.said === "" ? how : `${how}: ${ended.said}`;
}
