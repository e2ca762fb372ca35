import type { PlaceMemory } from "../../io/deploy/index.ts";
import type { Worker } from "./worker.ts";

/** What the target of a worker keeps of the place: beside its record, as long as the lease is ours. */
export function memoryOf({ ctx: { store }, lease, kept }: Worker): PlaceMemory {
  return {
    load: async () => {
      const places = await store.loadDeployed(lease.image);
      return places.find(({ name }) => name === lease.name)?.brought ?? null;
    },
    save: async (value) => {
      if (await store.savePlaceBrought(lease, value)) return;
      await kept.confirm();
      throw new Error("what was brought could not be kept");
    },
  };
}
