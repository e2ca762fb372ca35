import { formatPlatform } from "../../core/image/index.ts";
import type { ImageSink } from "../../core/image/index.ts";
import { createRegistryClient, dockerCredentials, openLayout, writeDockerArchive } from "../../io/registry/index.ts";
import { loadBase, resolveImage, type AssembledImage, type Assembler } from "../../loop/build/index.ts";
import { keepingTag, type Context } from "../../loop/context.ts";
import { OperationError, type OperationHandlers } from "../../operation/index.ts";
import { parseReference } from "../../core/image/index.ts";
import { requireImage } from "./find-name.ts";

export interface BuildDeps {
  readonly assembler: Assembler;
  /** Fetches the suites of the image's upstream that were never fetched. */
  readonly prepare: () => Promise<void>;
}

type Written = { readonly kind: "registry" | "layout" | "archive"; readonly reference: string };

interface Target {
  readonly sink: ImageSink;
  readonly written: (image: AssembledImage) => Written;
  /** Puts the last touch on it. */
  readonly finish: (image: AssembledImage) => Promise<void>;
  readonly abort: () => Promise<void>;
}

/**
 * `build`: one recipe, assembled now from what the suites offer, to a registry, an OCI layout or an archive that `docker load` takes. No environment is moved. Throws
 * NOT_FOUND, UNSATISFIABLE, and what writing throws.
 */
export function createBuild(ctx: Context, { assembler, prepare }: BuildDeps): OperationHandlers["build"] {
  return async ({ image, to, platforms }) => {
    requireImage(ctx.config, image);
    const started = ctx.clock.now();
    await prepare();
    const { request, notes } = await resolveImage(ctx, image, {
      base: await loadBase(ctx, image),
      ...(platforms === undefined ? {} : { platforms }),
    });
    const target = await openTarget(ctx, image, to);
    try {
      ctx.emit({ kind: "building", image, message: "building" });
      const built = await assembler.assemble(request, target.sink, { signal: ctx.signal });
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
