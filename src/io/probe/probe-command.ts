import { performance } from "node:perf_hooks";
import { printable } from "../../lib/index.ts";
import { runProgram, type ProgramEnd, type ProgramRun } from "./run-program.ts";
import type { ProbeResult } from "./types.ts";

/** A program of one's own that says whether a service is well: it is where it ends with 0. */
export type CommandProbe = Omit<ProgramRun, "keep">;

const maxOutput = 4096;

/** Runs the program once. One that cannot be started, fails or is late is an answer; only an abort throws. */
export async function probeCommand(probe: CommandProbe, signal?: AbortSignal): Promise<ProbeResult> {
  const started = performance.now();
  const reason = whatIsWrong(await runProgram({ ...probe, keep: maxOutput }, signal), probe.timeoutMs);
  const ms = performance.now() - started;
  return reason === undefined
    ? { kind: "passed", ms }
    : { kind: "failed", ms, reason: printable(reason).slice(0, 500) };
}

function whatIsWrong(end: ProgramEnd, timeoutMs: number): string | undefined {
  if (end.kind === "not started") return end.reason;
  if (end.kind === "late") return `it did not end within ${timeoutMs} ms`;
  if (end.status === 0) return undefined;
  const said = end.output.trim().split("\n").at(-1) ?? "";
  return `it ended with ${end.status ?? "a signal"}${said === "" ? "" : `: ${said}`}`;
}
