import type { ProgressEvent, ProgressListener } from "../operation/index.ts";

/** Hands every event to whoever listens now. Nothing is kept: state is asked for, events only make the asking come sooner. */
export interface EventBus {
  readonly publish: ProgressListener;
  /** Returns what ends the subscription. */
  subscribe(listener: ProgressListener): () => void;
  /** How many listen. */
  readonly listeners: number;
}

/** An empty bus. A listener that throws does not keep the others from hearing. */
export function createEventBus(): EventBus {
  const listeners = new Set<ProgressListener>();
  return {
    publish: (event: ProgressEvent) => {
      for (const listener of listeners) {
        try {
          listener(event);
        } catch {
          listeners.delete(listener);
        }
      }
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get listeners() {
      return listeners.size;
    },
  };
}
