import { formatPlatform, parsePlatform } from "../../core/image/index.ts";
import { readInventory } from "../../core/inventory/index.ts";
import type { ImageSink } from "../../core/image/index.ts";
import {
  copyImage,
  createRegistryClient,
  dockerCredentials,
  openLayout,
  writeDockerArchive,
} from "../../io/registry/index.ts";
import { loadBase, makeImage, resolveImage, type AssembledImage, type Makers } from "../../loop/build/index.ts";
import { keepingTag, type Context } from "../../loop/context.ts";
import { OperationError, type OperationHandlers, type OperationOutput } from "../../operation/index.ts";
import { parseReference } from "../../core/image/index.ts";
import { requireImage } from "./find-name.ts";

export interface BuildDeps {
  readonly makers: Makers;
  /** Fetches the suites of the image's upstream that were never fetched. */
  readonly prepare: () => Promise<void>;
}

type Written = { readonly kind: "registry" | "layout" | "archive"; readonly reference: string };

interface Target {
  readonly sink: ImageSink;
  readonly written: (image: Pick<AssembledImage, "digest">) => Written;
  /** Puts the last touch on it. */
  readonly finish: (image: Pick<AssembledImage, "digest">) => Promise<void>;
  readonly abort: () => Promise<void>;
}

/**
 * `build`: one recipe, assembled now from what the suites offer, to a registry, an OCI layout or an archive that `docker load` takes. No environment is moved. Throws
 * NOT_FOUND, UNSATISFIABLE, and what writing throws.
 */
export function createBuild(ctx: Context, { makers, prepare }: BuildDeps): OperationHandlers["build"] {
  return async ({ image, to, platforms }) => {
    requireImage(ctx.config, image);
    const started = ctx.clock.now();
    await prepare();
    if (ctx.config.images[image]?.recipe !== "packages") return buildMade(ctx, makers, image, to, platforms);
    const { request, notes } = await resolveImage(ctx, image, {
      base: await loadBase(ctx, image),
      ...(platforms === undefined ? {} : { platforms }),
    });
    const target = await openTarget(ctx, image, to);
    try {
      ctx.emit({ kind: "building", image, message: "building" });
      const built = await makers.assembler.assemble(request, target.sink, { signal: ctx.signal });
      await target.finish(built);
      return {
        image,
        digest: built.digest,
        platforms: built.platforms.map(({ platform }) => formatPlatform(platform)),
        packages: Math.max(0, ...request.platforms.map(({ packages }) => packages.length)),
        bytes: built.bytes,
        bytesUploaded: built.bytesUploaded,
        seconds: (ctx.clock.now() - started) / 1000,
        written: target.written(built),
        warnings: [...notes, ...built.warnings],
      };
    } catch (error) {
      await target.abort();
      throw error;
    }
  };
}

/** What an engine builds, or somebody else made, comes into the image's own repository first, and is copied from there. */
async function buildMade(
  ctx: Context,
  makers: Makers,
  image: string,
  to: string | undefined,
  platforms: readonly string[] | undefined,
): Promise<OperationOutput<"build">> {
  const started = ctx.clock.now();
  const { signal } = ctx;
  const repository = ctx.repositoryOf(image);
  ctx.emit({ kind: "building", image, message: "building" });
  const order = { id: null, image, recipeKey: "", detail: {}, parentRebuilds: [] };
  const made = await makeImage(ctx, makers, { rebuild: order, causes: [], previous: undefined, repository, signal });
  if (made.kind === "same") throw new Error(`${image} was compared with nothing`);
  const target = await openTarget(ctx, image, to);
  try {
    const wanted = platforms?.map(parsePlatform);
    const copied =
      to === undefined
        ? undefined
        : await copyImage(repository, made.digest, target.sink, {
            signal,
            ...(wanted === undefined ? {} : { platforms: wanted }),
          });
    const built = { digest: copied?.digest ?? made.digest };
    await target.finish(built);
    const read = await ctx.images.read(repository, made.digest, signal);
    const inventories = read.platforms.map(({ tree, platform }) => readInventory(tree, platform));
    return {
      image,
      digest: built.digest,
      platforms: [...(platforms ?? read.platforms.map(({ platform }) => formatPlatform(platform)))],
      packages: Math.max(0, ...inventories.map(({ packages }) => packages.length)),
      bytes: made.bytes,
      bytesUploaded: copied?.bytes ?? made.bytesUploaded,
      seconds: (ctx.clock.now() - started) / 1000,
      written: target.written(built),
      warnings: [...made.warnings],
    };
  } catch (error) {
    await target.abort();
    throw error;
  }
}

async function openTarget(ctx: Context, image: string, to: string | undefined): Promise<Target> {
  if (to === undefined) {
    const sink = ctx.repositoryOf(image);
    return {
      sink,
      written: ({ digest }) => ({ kind: "registry", reference: `${sink.name}@${digest}` }),
      finish: ({ digest }) => sink.tag(digest, keepingTag(digest), { signal: ctx.signal }),
      abort: () => Promise.resolve(),
    };
  }
  if (to.endsWith(".tar")) {
    const archive = writeDockerArchive(to, image);
    return {
      sink: withTag(archive, "latest"),
      written: () => ({ kind: "archive", reference: to }),
      finish: () => archive.finish(),
      abort: () => archive.abort(),
    };
  }
  if (to.startsWith("/") || to.startsWith("oci:")) {
    const dir = to.replace(/^oci:/, "");
    const layout = await openLayout(dir, { create: true });
    return {
      sink: withTag(layout, image),
      written: () => ({ kind: "layout", reference: dir }),
      finish: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    };
  }
  return openRegistryTarget(ctx, to);
}

function openRegistryTarget(ctx: Context, to: string): Target {
  const reference = parseReference(to);
  if (reference.digest !== undefined) {
    throw new OperationError("BAD_INPUT", `build: ${to} names a digest: what it will be is not known yet`, {
      hint: "Name a tag, or none.",
    });
  }
  const client = createRegistryClient({ credentials: dockerCredentials() });
  const sink = client.repository(reference);
  const tag = reference.tag ?? "latest";
  return {
    sink,
    written: ({ digest }) => ({ kind: "registry", reference: `${sink.name}:${tag}@${digest}` }),
    finish: async ({ digest }) => {
      await sink.tag(digest, tag, { signal: ctx.signal });
      await client.close();
    },
    abort: () => client.close(),
  };
}

/** A sink in which what is put last, the image itself, has a name: files have no later request to give it one. */
function withTag(sink: ImageSink, tag: string): ImageSink {
  return {
    name: sink.name,
    putBlob: (...args) => sink.putBlob(...args),
    putManifest: (manifest, given, signal) => sink.putManifest(manifest, given ?? tag, signal),
  };
}
