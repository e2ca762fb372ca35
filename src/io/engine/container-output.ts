import { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type Dockerode from "dockerode";
import { keepFirst } from "./keep-first.ts";
import type { RunResult } from "./types.ts";

/** What a container said, each stream by itself and both as they came. */
export interface ContainerOutput {
  /** Hears a stream in which the daemon has both, until it ends. */
  hear(stream: NodeJS.ReadableStream): Promise<void>;
  truncated(): boolean;
  texts(): Pick<RunResult, "output" | "stdout" | "stderr">;
}

/** Keeps the first `limit` bytes of what `container` says. */
export function keepOutput(container: Dockerode.Container, limit: number): ContainerOutput {
  const [output, stdout, stderr] = [keepFirst(limit), keepFirst(limit), keepFirst(limit)];
  return {
    hear: (stream) => {
      container.modem.demuxStream(stream, both(output.sink, stdout.sink), both(output.sink, stderr.sink));
      return finished(stream);
    },
    truncated: () => output.truncated(),
    texts: () => ({ output: output.text(), stdout: stdout.text(), stderr: stderr.text() }),
  };
}

/** The first `limit` bytes that the daemon's own log has of a container that ended. */
export async function readOutputLog(container: Dockerode.Container, limit: number): Promise<ContainerOutput> {
  const kept = keepOutput(container, limit);
  const log = await container.logs({ stdout: true, stderr: true, follow: false });
  await kept.hear(Readable.from([log], { objectMode: false }));
  return kept;
}

function both(first: Writable, second: Writable): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      first.write(chunk);
      second.write(chunk);
      done();
    },
  });
}
