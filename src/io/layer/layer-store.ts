import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Descriptor, ImageSource } from "../../core/image/index.ts";
import type { LayerFacts } from "../../core/inventory/index.ts";
import { digestHex, isDigest, writeFileDurable, type Digest } from "../../lib/index.ts";
import { factsVersion, formatLayerFacts, parseLayerFacts } from "./layer-facts-file.ts";
import { defaultLayerLimits, type LayerLimits } from "./limits.ts";
import { readLayer } from "./read-layer.ts";

/** The facts of every layer that was ever looked at: each is read once for the whole fleet. */
export interface LayerStore {
  /**
   * The facts of the layer that `descriptor` names, whose uncompressed digest the config says is `diffId`: remembered,
   * from the cache folder, or read from `source`. Only what was read from these very bytes counts as theirs.
   */
  facts(source: ImageSource, descriptor: Descriptor, diffId: Digest, signal?: AbortSignal): Promise<LayerFacts>;
}

/** Entries of all layers that are held in memory: about 100 MB. */
const defaultMemory = 300_000;

/** A store that keeps its files in `folder` and the facts used last in memory, up to `memoryEntries` entries. */
export function createLayerStore(
  folder: string,
  limits: LayerLimits = defaultLayerLimits,
  memoryEntries: number = defaultMemory,
): LayerStore {
  const home = join(folder, `v${factsVersion}`);
  const remembered = new Map<Digest, LayerFacts>();
  const proven = new Map<Digest, Digest>();
  const running = new Map<Digest, Promise<LayerFacts>>();
  let entries = 0;

  const remember = (facts: LayerFacts): LayerFacts => {
    const known = remembered.get(facts.diffId);
    if (known === undefined) entries += facts.entries.length;
    remembered.delete(facts.diffId);
    remembered.set(facts.diffId, known ?? facts);
    for (const [oldest, { entries: gone }] of remembered) {
      if (entries <= memoryEntries || remembered.size === 1) break;
      remembered.delete(oldest);
      entries -= gone.length;
    }
    return known ?? facts;
  };
  const fileOf = (diffId: Digest): string => join(home, `${digestHex(diffId)}.facts`);
  const proofOf = (blob: Digest): string => join(home, `${digestHex(blob)}.diff-id`);

  /** The diff ID that the blob's bytes were once seen to have. */
  const provenDiffId = async (blob: Digest): Promise<Digest | undefined> => {
    const known = proven.get(blob);
    if (known !== undefined) return known;
    const text = (await readOrNothing(proofOf(blob)))?.toString("utf8").trim() ?? "";
    if (!isDigest(text)) return undefined;
    proven.set(blob, text);
    return text;
  };
  const load = async (diffId: Digest): Promise<LayerFacts | undefined> => {
    const known = remembered.get(diffId);
    if (known !== undefined) return remember(known);
    const bytes = await readOrNothing(fileOf(diffId));
    const facts = bytes === undefined ? undefined : parseLayerFacts(bytes);
    return facts?.diffId === diffId ? remember(facts) : undefined;
  };
  const read = async (
    source: ImageSource,
    descriptor: Descriptor,
    diffId: Digest,
    signal: AbortSignal | undefined,
  ): Promise<LayerFacts> => {
    if ((await provenDiffId(descriptor.digest)) === diffId) {
      const facts = await load(diffId);
      if (facts !== undefined) return facts;
    }
    const facts = await readLayer(source, descriptor, { diffId, limits, ...(signal === undefined ? {} : { signal }) });
    // The facts of a layer hold what only root may read in a container: shadow(5).
    await writeFileDurable(fileOf(diffId), formatLayerFacts(facts), 0o600);
    await writeFileDurable(proofOf(descriptor.digest), `${diffId}\n`);
    proven.set(descriptor.digest, diffId);
    return remember(facts);
  };

  return {
    facts: async (source, descriptor, diffId, signal) => {
      const key = descriptor.digest;
      if (proven.get(key) === diffId) {
        const known = remembered.get(diffId);
        if (known !== undefined) return remember(known);
      }
      const other = running.get(key);
      // Another caller's reading may fail for reasons of its own: its source, its signal.
      if (other !== undefined) {
        const shared = await other.catch(() => undefined);
        if (shared?.diffId === diffId) return shared;
      }
      const reading = read(source, descriptor, diffId, signal);
      running.set(key, reading);
      try {
        return await reading;
      } finally {
        if (running.get(key) === reading) running.delete(key);
      }
    },
  };
}

async function readOrNothing(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch(() => undefined);
}
