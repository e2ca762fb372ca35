import { readFile } from "node:fs/promises";
import type { Dispatcher } from "undici";
import { createUniverse, type DebArchitecture, type PackageUniverse } from "../../core/packages/index.ts";
import { messageOf, type Clock } from "../../lib/index.ts";
import { defaultFetchLimits, type FetchContext, type FetchLimits } from "./fetch-file.ts";
import { createPackageFetcher } from "./fetch-package.ts";
import { defaultIndexLimits, loadCurrent, refreshSuite, type IndexLimits } from "./refresh-suite.ts";
import { DistroError, withDiskErrors } from "./error.ts";
import { suiteFolder } from "./suite-folder.ts";
import type { Distro, SuiteGeneration } from "./types.ts";

export interface DistroOptions {
  /** Folder for generations and packages; made where it is missing. */
  readonly dir: string;
  readonly clock: Clock;
  readonly indexLimits?: IndexLimits;
  readonly fetchLimits?: FetchLimits;
  readonly dispatcher?: Dispatcher;
}

/** Universes that stay in memory: a few architectures, before and after an update. */
const rememberedUniverses = 6;

/** The watched suites below `dir`. */
export function createDistro(options: DistroOptions): Distro {
  const { dir, clock } = options;
  const context: FetchContext & { indexLimits: IndexLimits } = {
    clock,
    limits: options.fetchLimits ?? defaultFetchLimits,
    indexLimits: options.indexLimits ?? defaultIndexLimits,
    ...(options.dispatcher === undefined ? {} : { dispatcher: options.dispatcher }),
  };
  const universes = new Map<string, OpenUniverse>();
  /** The last refresh of each suite: two at once would write to the same files. */
  const turns = new Map<string, Promise<unknown>>();
  return {
    refresh: (source, signal) => {
      const before = turns.get(source.name) ?? Promise.resolve();
      const turn = before
        .catch(() => undefined)
        .then(() => withDiskErrors(source.name, dir, () => refreshSuite(dir, source, context, signal)));
      turns.set(source.name, turn);
      return turn;
    },
    generation: async (name) => (await loadCurrent(suiteFolder(dir, name)))?.generation,
    universe: (generations, architecture) => {
      const key = [architecture, ...generations.map(({ source, digest }) => `${source} ${digest}`)].join("\n");
      const known = universes.get(key) ?? openUniverse(generations, architecture, [...universes.values()]);
      universes.delete(key);
      universes.set(key, known);
      known.universe.catch(() => universes.delete(key));
      for (const oldest of universes.keys()) {
        if (universes.size <= rememberedUniverses) break;
        universes.delete(oldest);
      }
      return known.universe;
    },
    fetchPackage: createPackageFetcher(dir, context),
  };
}

interface OpenUniverse {
  readonly universe: Promise<PackageUniverse>;
  /** The text of each of its indices, by path and digest. */
  readonly texts: ReadonlyMap<string, Promise<Buffer>>;
}

/** What an index offers is worked out once for its text: one that another universe has is not read again. */
function openUniverse(
  generations: readonly SuiteGeneration[],
  architecture: DebArchitecture,
  others: readonly OpenUniverse[],
): OpenUniverse {
  const texts = new Map<string, Promise<Buffer>>();
  const indices = generations.flatMap((generation) =>
    generation.indices
      .filter((index) => index.architecture === architecture)
      .map(({ path, sha256 }) => {
        const key = `${path} ${sha256}`;
        const text = others.find((other) => other.texts.has(key))?.texts.get(key) ?? readIndex(path, generation.source);
        texts.set(key, text);
        return text.then((bytes) => ({ origin: generation.source, bytes }));
      }),
  );
  return { texts, universe: Promise.all(indices).then((all) => createUniverse(architecture, all)) };
}

async function readIndex(path: string, name: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new DistroError("NO_GENERATION", `${name}: an index of its generation cannot be read: ${messageOf(error)}`, {
      hint: "Newer generations have taken its place, or somebody removed it. Refresh the suite and begin again.",
      retry: true,
      cause: error,
    });
  }
}
