import type { Clock, Instant } from "../../../lib/index.ts";

/** Work that many ask for and that is done once. */
export interface SharedWork<T> {
  /** The outcome of `work` for `key`: one under way, one that is still fresh (a failure too), or a new one. It is given up when all who wait for it have left. */
  share(key: string, work: (stop: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** The outcome of a key is not fresh any more. */
  forget(key: string): void;
  /** Nor are those of all keys that begin so. */
  forgetAll(prefix: string): void;
}

interface Flight<T> {
  readonly outcome: Promise<T>;
  readonly stop: AbortController;
  waiting: number;
  /** When it ended. */
  at: Instant | undefined;
}

const maxKept = 20_000;

/** Keeps outcomes for `freshMs` milliseconds. */
export function createSharedWork<T>({
  clock,
  freshMs,
}: {
  readonly clock: Clock;
  readonly freshMs: number;
}): SharedWork<T> {
  const flights = new Map<string, Flight<T>>();

  function start(key: string, work: (stop: AbortSignal) => Promise<T>): Flight<T> {
    const stop = new AbortController();
    const flight: Flight<T> = { outcome: work(stop.signal), stop, waiting: 0, at: undefined };
    const end = (): void => {
      flight.at = clock.now();
      if (stop.signal.aborted && flights.get(key) === flight) flights.delete(key);
    };
    flight.outcome.then(end, end);
    flights.delete(key);
    flights.set(key, flight);
    const [oldest] = flights.keys();
    if (flights.size > maxKept && oldest !== undefined) flights.delete(oldest);
    return flight;
  }

  function isFresh({ at, stop }: Flight<T>): boolean {
    if (stop.signal.aborted) return false;
    // A clock that was set back makes nothing fresh for ever.
    return at === undefined || Math.abs(clock.now() - at) < freshMs;
  }

  return {
    share: async (key, work, signal) => {
      signal?.throwIfAborted();
      const held = flights.get(key);
      const flight = held !== undefined && isFresh(held) ? held : start(key, work);
      if (flight.at !== undefined) return flight.outcome;
      flight.waiting += 1;
      try {
        return await orAborted(flight.outcome, signal);
      } finally {
        flight.waiting -= 1;
        if (flight.waiting === 0 && flight.at === undefined)
          flight.stop.abort(new Error("nobody waits for it any more"));
      }
    },
    forget: (key) => void flights.delete(key),
    forgetAll: (prefix) => {
      for (const key of flights.keys()) if (key.startsWith(prefix)) flights.delete(key);
    },
  };
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let leave = (): void => undefined;
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason as Error);
    signal.addEventListener("abort", leave);
  });
  try {
    return await Promise.race([work, left]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
