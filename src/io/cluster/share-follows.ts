import type { FollowEars, WatchedList } from "./watch-list.ts";

type Follow = (list: WatchedList, ears: FollowEars, signal: AbortSignal) => Promise<void>;

interface Shared {
  readonly ears: Set<FollowEars>;
  readonly stop: AbortController;
  readonly done: Promise<void>;
  isLive: boolean;
}

/** The same list is followed once, whoever wants to hear of it, and until the last of them has heard enough. */
export function shareFollows(follow: Follow): Follow {
  const open = new Map<string, Shared>();
  const start = (key: string, list: WatchedList): Shared => {
    const ears = new Set<FollowEars>();
    const stop = new AbortController();
    const all: FollowEars = {
      onLive: (isLive) => {
        shared.isLive = isLive;
        for (const one of ears) one.onLive(isLive);
      },
      onChange: (change) => {
        for (const one of ears) one.onChange(change);
      },
    };
    const shared: Shared = {
      ears,
      stop,
      isLive: false,
      done: Promise.resolve()
        .then(() => follow(list, all, stop.signal))
        .finally(() => {
          if (open.get(key) === shared) open.delete(key);
        }),
    };
    open.set(key, shared);
    return shared;
  };
  return async (list, ears, signal) => {
    if (signal.aborted) return;
    const key = JSON.stringify([list.path, list.selector, list.fields]);
    const shared = open.get(key) ?? start(key, list);
    shared.ears.add(ears);
    if (shared.isLive) ears.onLive(true);
    const leave = (): void => {
      shared.ears.delete(ears);
      if (shared.ears.size > 0) return;
      open.delete(key);
      shared.stop.abort();
    };
    const left = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(leave()), { once: true });
    });
    await Promise.race([left, shared.done]);
  };
}
