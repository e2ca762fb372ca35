import { annotationKeys, formatPlatform, type ImageSink } from "../../core/image/index.ts";
import { BuildError, PathTable, buildImage, buildIndex } from "../../core/layer/index.ts";
import { createFolderMaker, createLayerMaker } from "./generated-layer.ts";
import { createdOf, layOutImage, type LayoutContext } from "./lay-out-image.ts";
import { createLayerRecords } from "./layer-records.ts";
import { loadPackages } from "./load-packages.ts";
import { createPackageCache } from "./package-cache.ts";
import { pushImage, type PushManifest } from "./push-image.ts";
import { createPartReader } from "./read-layer-parts.ts";
import { createSystemLayerMaker } from "./system-layer.ts";
import type {
  AssembledImage,
  AssembledPlatform,
  AssembleOptions,
  Assembler,
  AssemblerDeps,
  AssembleRequest,
  PlatformPackages,
} from "./types.ts";

/**
 * An assembler for a fleet. What `assemble` is asked decides about every byte of the image; the cache about none. It throws BuildError,
 * and what fetching, reading and pushing throw.
 */
export function createAssembler(deps: AssemblerDeps): Assembler {
  const cache = createPackageCache(deps.cacheDir, (record) => deps.fetchPackage(record));
  const table = new PathTable();
  const makeLayer = createLayerMaker();
  const context: LayoutContext = {
    cache,
    records: createLayerRecords(deps.cacheDir),
    reader: createPartReader(),
    folders: createFolderMaker(),
    makeLayer,
    systemLayer: createSystemLayerMaker(makeLayer, (names) => deps.allocateAccounts(names)),
  };

  async function assemblePlatform(
    each: PlatformPackages,
    request: AssembleRequest,
    signal: AbortSignal | undefined,
  ): Promise<BuiltPlatform> {
    const loaded = await loadPackages(each.packages, cache, table, signal);
    const layers = await layOutImage(context, loaded, each, request);
    const packages = loaded.map(({ converted }) => converted.facts);
    const created = createdOf(packages);
    const { platform } = each;
    const { config, manifest } = buildImage({
      platform,
      run: request.run,
      layers,
      created,
      annotations: request.annotations,
    });
    return {
      assembled: {
        platform,
        digest: manifest.digest,
        layers: layers.map(({ descriptor, diffId, history, packages }) => ({ descriptor, diffId, history, packages })),
      },
      push: { ...manifest, blobs: [...layers, { descriptor: config.descriptor, open: () => once(config.bytes) }] },
      created,
      warnings: packages.flatMap(({ warnings }) => warnings),
    };
  }

  return {
    assemble: async (request, sink: ImageSink, options: AssembleOptions = {}): Promise<AssembledImage> => {
      checkPlatforms(request);
      const built: BuiltPlatform[] = [];
      for (const each of request.platforms) {
        options.signal?.throwIfAborted();
        built.push(await assemblePlatform(each, request, options.signal));
      }
      const [first, ...others] = built;
      if (first === undefined) throw new BuildError("BAD_REQUEST", `${request.image} has no platform`);
      const index = others.length === 0 ? undefined : indexOf(built, request);
      const pushed = await pushImage(
        built.map(({ push }) => push),
        index,
        sink,
        options,
      );
      return {
        digest: (index ?? first.push).digest,
        platforms: built.map(({ assembled }) => assembled),
        warnings: [...new Set(built.flatMap(({ warnings }) => warnings))].sort(),
        ...pushed,
      };
    },
  };
}

interface BuiltPlatform {
  readonly assembled: AssembledPlatform;
  readonly push: PushManifest;
  readonly created: string;
  readonly warnings: readonly string[];
}

function indexOf(built: readonly BuiltPlatform[], { annotations }: AssembleRequest): ReturnType<typeof buildIndex> {
  const created = built.map((each) => each.created).reduce((a, b) => (a > b ? a : b));
  return buildIndex(
    built.map(({ assembled: { platform, digest }, push }) => ({ platform, digest, size: push.bytes.byteLength })),
    { ...annotations, [annotationKeys.created]: created },
  );
}

function checkPlatforms({ image, platforms }: AssembleRequest): void {
  const names = platforms.map(({ platform }) => formatPlatform(platform));
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new BuildError("BAD_REQUEST", `${image} has the platform ${twice} twice`);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
