import { runInGroup } from "../../lib/index.ts";

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

/** Runs a program once. Whatever becomes of it is a value; only an abort throws, and then it has been ended. */
export async function runProgram({ keep, ...asked }: ProgramRun, signal?: AbortSignal): Promise<ProgramEnd> {
  let said = Buffer.alloc(0);
  const onOutput = (piece: Buffer): void => void (said = Buffer.concat([said, piece]).subarray(-keep));
  const ended = await runInGroup({ ...asked, onOutput }, signal);
  return ended.kind === "not started" ? ended : { ...ended, output: said.toString("utf8") };
}
