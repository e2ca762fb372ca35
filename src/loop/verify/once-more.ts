import { EngineError } from "../../io/engine/index.ts";

/** Does something with an engine, and once more where the engine itself failed: that says nothing of the image. */
export async function onceMore<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof EngineError && error.retry) return work();
    throw error;
  }
}
