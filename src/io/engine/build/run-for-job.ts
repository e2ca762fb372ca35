import type { Job } from "./create-build-engine.ts";
import type { Steps } from "./follow-steps.ts";
import { runProgram, type ProgramOptions } from "./run-program.ts";

/**
 * Runs a program of an engine for one platform of a build: what it says goes to the build's log, and to `steps` what it says
 * of its steps on standard error. Resolves to its status; throws as `runProgram` does.
 */
export async function runForJob(
  job: Job,
  program: string,
  args: readonly string[],
  { steps, ...options }: Pick<ProgramOptions, "env" | "input" | "consume"> & { readonly steps?: Steps },
): Promise<number> {
  const streams = { stdout: job.log.stream(), stderr: job.log.stream() };
  const status = await runProgram(program, args, {
    ...options,
    cwd: job.folder.path,
    signal: job.signal,
    onStart: job.folder.note,
    onOutput: (chunk, from) => {
      streams[from].write(chunk);
      if (from === "stderr") steps?.heard(chunk);
    },
  });
  for (const stream of Object.values(streams)) stream.end();
  return status;
}
