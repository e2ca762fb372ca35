import { StringDecoder } from "node:string_decoder";
import { printable } from "./display.ts";
import { runInGroup } from "./run-in-group.ts";

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
  const decoder = new StringDecoder("utf8");
  let output = "";
  let tail = "";
  const onOutput = (piece: Buffer, stream: "stdout" | "stderr"): void => {
    const read = stream === "stdout" ? decoder.write(piece) : piece.toString("utf8");
    if (stream === "stdout" && output.length < maxOutput) output += read.slice(0, maxOutput - output.length);
    tail = (tail + read).slice(-maxSaid);
  };
  const ended = await runInGroup({ ...program, onOutput }, signal);
  switch (ended.kind) {
    case "ended":
      return { kind: "ended", status: ended.status ?? -1, output, said: lastLines(tail, 1), tail: lastLines(tail, 4) };
    case "late":
      return { kind: "late", reason: `it did not end within ${program.timeoutMs} ms` };
    case "not started":
      return { kind: "not-started", reason: printable(ended.reason) };
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
