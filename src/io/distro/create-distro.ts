import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Dispatcher } from "undici";
import {
  createUniverse,
  type DebArchitecture,
  type PackageRecord,
  type PackageUniverse,
} from "../../core/packages/index.ts";
import { digestHex, type Clock } from "../../lib/index.ts";
import { defaultFetchLimits, downloadFile, type FetchContext, type FetchLimits } from "./fetch-file.ts";
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
  const universes = new Map<string, Promise<PackageUniverse>>();
  const downloads = new Map<string, Promise<string>>();
  return {
    refresh: (source, signal) => withDiskErrors(source.name, dir, () => refreshSuite(dir, source, context, signal)),
    generation: async (name) => (await loadCurrent(suiteFolder(dir, name)))?.generation,
    universe: (generations, architecture) => {
      const key = [architecture, ...generations.map(({ source, digest }) => `${source} ${digest}`)].join("\n");
      const known = universes.get(key) ?? openUniverse(generations, architecture);
      universes.delete(key);
      universes.set(key, known);
      known.catch(() => universes.delete(key));
      for (const oldest of universes.keys()) {
        if (universes.size <= rememberedUniverses) break;
        universes.delete(oldest);
      }
      return known;
    },
    fetchPackage: (record, source, signal) => {
      const hex = digestHex(record.sha256);
      const path = join(dir, "packages", hex.slice(0, 2), `${hex}.deb`);
      const running = downloads.get(path) ?? withDiskErrors(record.filename, dir, bringPackage);
      downloads.set(path, running);
      return running;

      async function bringPackage(): Promise<string> {
        try {
          const there = await stat(path).catch(() => undefined);
          if (there?.size === record.size) return path;
          await mkdir(dirname(path), { recursive: true });
          requireInside(record);
          const url = `${source.mirror.replace(/\/+$/, "")}/${record.filename}`;
          await downloadFile(url, path, record, context, signal);
          return path;
        } finally {
          downloads.delete(path);
        }
      }
    },
  };
}

/** The signed index names files below the archive's root; nothing else is asked for. */
function requireInside({ filename, name }: PackageRecord): void {
  const parts = filename.split("/");
  if (!filename.startsWith("/") && !parts.includes("..") && !/[?#\\\0]/.test(filename)) return;
  throw new DistroError("BAD_INDEX", `${name}: its Filename "${filename.slice(0, 200)}" leads out of the archive`, {
    hint: "The archive signs an index that is broken. The package is not fetched.",
  });
}

async function openUniverse(
  generations: readonly SuiteGeneration[],
  architecture: DebArchitecture,
): Promise<PackageUniverse> {
  const indices = await Promise.all(
    generations.flatMap((generation) =>
      generation.indices
        .filter((index) => index.architecture === architecture)
        .map(async (index) => ({ origin: generation.source, bytes: await readFile(index.path) })),
    ),
  );
  return createUniverse(architecture, indices);
}
