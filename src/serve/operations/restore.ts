import type { Pointer, StoreOptions, StorePlace } from "../../io/store/index.ts";
import { openStore, restoreStore, StoreError } from "../../io/store/index.ts";
import { messageOf, shortDigest, type Digest } from "../../lib/index.ts";
import { formatInstant, OperationError, type OperationHandlers } from "../../operation/index.ts";
import { requirePath } from "./backup.ts";

export interface RestoreDeps {
  readonly place: StorePlace;
  readonly options: StoreOptions;
  /** Lets go of the store that this process holds; undefined where work goes on in it. */
  readonly release: (() => Promise<void>) | undefined;
  /** Whether the registry has the digest of an image. */
  readonly isThere: (image: string, digest: Digest) => Promise<boolean>;
}

/** Rows that are named one by one; of the rest there is the number. */
const maxNamed = 20;

/**
 * Puts a backup in the place of the state, then asks the registries for every digest that an environment runs: a backup has no blobs. Throws BUSY while a server
 * works in the state, LOCKED where another process holds it, BAD_BACKUP before anything was touched.
 */
export function createRestore({ place, options, release, isThere }: RestoreDeps): OperationHandlers["restore"] {
  return async ({ from }) => {
    requirePath("restore", from);
    if (release === undefined) {
      throw new OperationError("BUSY", "restore: a server works in this state", {
        hint: "Stop the server, restore, and start it again.",
      });
    }
    await release();
    const { at, reconciled } = await restore(place, from, options);
    const missing = await findMissing(place, options, isThere);
    return { path: from, at: formatInstant(at), reconciled: [...reconciled, ...missing] };
  };
}

async function restore(place: StorePlace, from: string, options: StoreOptions): ReturnType<typeof restoreStore> {
  try {
    return await restoreStore(place, from, options);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError("DISK", `${from} cannot be restored: ${messageOf(error)}`, { cause: error });
  }
}

/** What the restored state names and the registries do not have, one sentence each. */
async function findMissing(
  place: StorePlace,
  options: StoreOptions,
  isThere: RestoreDeps["isThere"],
): Promise<string[]> {
  const store = await openStore(place, options);
  let pointers: readonly Pointer[];
  try {
    pointers = await store.loadPointers();
  } finally {
    await store.close();
  }
  const sentences: string[] = [];
  for (const { image, environment, digest } of pointers) {
    if (digest === null) continue;
    const what = `${image} in ${environment} is ${shortDigest(digest)}`;
    try {
      if (!(await isThere(image, digest)))
        sentences.push(`${what}, which the registry does not have: blobs are not part of a backup`);
    } catch (error) {
      sentences.push(`${what}; whether the registry has it could not be asked: ${messageOf(error)}`);
    }
  }
  const more = sentences.length - maxNamed;
  return more > 0 ? [...sentences.slice(0, maxNamed), `and ${more} more that the registry lacks`] : sentences;
}
