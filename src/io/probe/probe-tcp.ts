import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { messageOf, printable } from "../../lib/index.ts";
import type { ProbeResult } from "./types.ts";

/** Whether somebody listens. */
export interface TcpProbe {
  readonly host: string;
  readonly port: number;
  /** Milliseconds from the first step to the connection. */
  readonly timeoutMs: number;
}

/** Opens a connection and closes it. A refused or late connection is an answer; only an abort throws. */
export async function probeTcp({ host, port, timeoutMs }: TcpProbe, signal?: AbortSignal): Promise<ProbeResult> {
  signal?.throwIfAborted();
  const started = performance.now();
  const reason = await new Promise<string | undefined>((resolve) => {
    const limit = AbortSignal.timeout(timeoutMs);
    const socket = connect({ host, port, signal: signal === undefined ? limit : AbortSignal.any([signal, limit]) });
    socket.once("connect", () => resolve(undefined));
    socket.once("error", (error) =>
      resolve(limit.aborted ? `it did not connect within ${timeoutMs} ms` : messageOf(error)),
    );
    socket.once("close", () => resolve("the connection was closed"));
    socket.once("connect", () => socket.destroy());
  });
  signal?.throwIfAborted();
  const ms = performance.now() - started;
  return reason === undefined ? { kind: "passed", ms } : { kind: "failed", ms, reason: printable(reason) };
}
