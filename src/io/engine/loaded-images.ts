/** What was loaded into an engine, by key; held for a while, since the same image is asked for again soon. */
export interface LoadedImages {
  /** Works with the image that `load` brings, under the name that it resolves to; it is loaded where it is not there yet. */
  use<T>(key: string, load: () => Promise<string>, work: (name: string) => Promise<T>): Promise<T>;
  /** Lets go of all. */
  clear(): Promise<void>;
}

interface Held {
  readonly name: Promise<string>;
  users: number;
  /** Set once nobody is to get it any more: the last of its users takes it away. */
  stale: boolean;
}

/** Holds the `most` images that were used last, and those in use; `remove` takes one away and never throws. */
export function createLoadedImages(most: number, remove: (name: string) => Promise<void>): LoadedImages {
  const held = new Map<string, Held>();

  async function evict(limit: number): Promise<void> {
    for (const [key, one] of held) {
      if (held.size <= limit) return;
      if (one.users > 0) continue;
      held.delete(key);
      await one.name.then(remove, () => undefined);
    }
  }

  return {
    use: async (key, load, work) => {
      const known: Held = held.get(key) ?? { name: load(), users: 0, stale: false };
      held.delete(key);
      held.set(key, known);
      known.users += 1;
      try {
        return await work(await known.name);
      } catch (error) {
        // One that could not be loaded, or was taken away meanwhile, is loaded anew.
        if (held.get(key) === known) held.delete(key);
        known.stale = true;
        throw error;
      } finally {
        known.users -= 1;
        if (known.stale && known.users === 0) await known.name.then(remove, () => undefined);
        await evict(most);
      }
    },
    clear: () => evict(0),
  };
}
