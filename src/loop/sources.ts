import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ownImage, sourceOf, type BuildSource, type Config } from "../core/config/index.ts";
import { formatReference, parseReference } from "../core/image/index.ts";
import { DockerfileError, parseDockerfile, type ImageUse } from "../core/dockerfile/index.ts";
import { AppError, messageOf } from "../lib/index.ts";

export class SourceError extends AppError<
  /** The folder, the repository or the Dockerfile cannot be read. */
  | "SOURCE_UNREADABLE"
  /** The Dockerfile does not say what it is built from. */
  | "BAD_DOCKERFILE"
> {}

/** Where the build context of an image lies on this machine, and what it is. */
export interface SourceFolder {
  readonly folder: string;
  /** Digest of what is in it, or the commit. */
  readonly key: string;
}

/** A ref of a repository that images are built from: an upstream. */
export interface SourceRef {
  /** Of the upstream. */
  readonly name: string;
  /** Without credentials. */
  readonly url: string;
  readonly ref: string;
}

/** Brings the build context of images: a folder beside the configuration, or a commit of a repository. */
export interface SourceReader {
  /** Every ref that images of the configuration are built from, each once. */
  refs(): readonly SourceRef[];
  /** The commit that a ref names now. Throws where the repository cannot be asked. */
  look(name: string, signal: AbortSignal): Promise<string>;
  /** The context of an image as it is now: of a repository the commit that was seen last. Throws where it cannot be had. */
  open(name: string, source: BuildSource, signal: AbortSignal): Promise<SourceFolder>;
}

/** An image that a Dockerfile is made of, as it names it. */
export interface SourceUse {
  /** As the Dockerfile names it, its variables replaced. */
  readonly name: string;
  /** The image of this fleet that is meant; undefined where it is somebody else's. */
  readonly own: string | undefined;
  /** The same for all who mean the same: the own image's name, else that of its upstream. */
  readonly key: string;
  readonly platforms: readonly string[];
}

/** A Dockerfile and all that it is made of. */
export interface ImageSource extends SourceFolder {
  readonly dockerfile: string;
  /** What a `Dockerfile.dockerignore` beside it says, in place of the context's own. */
  readonly ignoreFile: string | undefined;
  /** Every image that the build needs, builder stages and frontends too, each once. */
  readonly uses: readonly SourceUse[];
  /** Name of what its last stage stands on; undefined where that is nothing. */
  readonly base: string | undefined;
}

const maxDockerfile = 1_048_576;

/** Whether an image is made of what its source names: of recipe `dockerfile`, or built by somebody's pipeline. */
export function hasSource({ recipe }: Config["images"][string]): boolean {
  return recipe === "dockerfile" || recipe === "external";
}

/**
 * The source of an image that has one, read and understood. Of what a pipeline builds that may be no more than the bases which the configuration names. Throws SOURCE_UNREADABLE, BAD_DOCKERFILE with line and
 * column, and what bringing a repository throws.
 */
export async function loadSource(
  config: Config,
  name: string,
  reader: SourceReader,
  signal: AbortSignal,
): Promise<ImageSource> {
  const image = config.images[name];
  const from = sourceOf(image);
  const named = image?.recipe === "external" ? namedUses(config, name, image.bases, image.platforms) : [];
  if (from === undefined) {
    if (image?.recipe !== "external") throw new Error(`${name} has no source`);
    return { folder: "", key: "", dockerfile: "", ignoreFile: undefined, uses: named, base: undefined };
  }
  const source = await reader.open(name, from, signal);
  const { dockerfile: path } = from;
  if (path === undefined) return { ...source, dockerfile: "", ignoreFile: undefined, uses: named, base: undefined };
  const dockerfile = await readDockerfile(source.folder, name, path);
  const ignoreFile = await readFile(join(source.folder, `${path}.dockerignore`), "utf8").catch(() => undefined);
  const { uses, base } = usesOf(config, name, from, dockerfile);
  const known = new Set(uses.map(({ key }) => key));
  return { ...source, dockerfile, ignoreFile, uses: [...uses, ...named.filter(({ key }) => !known.has(key))], base };
}

/** Images that the configuration says something is made of. */
function namedUses(config: Config, name: string, bases: readonly string[], platforms: readonly string[]): SourceUse[] {
  return bases.map((base) => {
    const own = ownImage(config, name, base);
    return { name: base, own, key: own ?? baseUpstream(base), platforms };
  });
}

/** What the Dockerfile of an image is made of, for all its platforms. Throws BAD_DOCKERFILE. */
export function usesOf(
  config: Config,
  name: string,
  source: BuildSource,
  dockerfile: string,
): Pick<ImageSource, "uses" | "base"> {
  const platformsOf = new Map<string, Set<string>>();
  let base: ImageUse | undefined;
  try {
    for (const platform of source.platforms) {
      const parsed = parseDockerfile(dockerfile, { ...stageOf(source), args: source.args, platform });
      base ??= parsed.base;
      for (const use of parsed.images) {
        if (!use.needed) continue;
        const platforms = platformsOf.get(use.name) ?? new Set();
        platformsOf.set(use.name, platforms.add(use.platform ?? platform));
      }
    }
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    throw new SourceError("BAD_DOCKERFILE", `${name}: ${source.dockerfile}: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
  const uses = [...platformsOf].map(([use, platforms]) => {
    const own = ownImage(config, name, use);
    return { name: use, own, key: own ?? baseUpstream(use), platforms: [...platforms].sort() };
  });
  return { uses, base: base?.name };
}

/** The upstream of an image of somebody else's: its name in full, so that it is no other upstream's. */
export function baseUpstream(name: string): string {
  const { tag, digest, ...place } = parseReference(name);
  const which = digest === undefined ? { tag: tag ?? "latest" } : { digest, ...(tag === undefined ? {} : { tag }) };
  return formatReference({ ...place, ...which });
}

/** The stage that is built, as those who read or build a Dockerfile want it said. */
export function stageOf({ target }: Pick<BuildSource, "target">): { readonly target?: string } {
  return target === undefined ? {} : { target };
}

/** The Dockerfile of an image in its build context. Throws SOURCE_UNREADABLE, and BAD_DOCKERFILE where it is too large to be one. */
export async function readDockerfile(folder: string, name: string, dockerfile: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(join(folder, dockerfile));
  } catch (error) {
    throw new SourceError("SOURCE_UNREADABLE", `${name}: ${dockerfile} cannot be read: ${messageOf(error)}`, {
      hint: "`dockerfile:` is relative to the build context.",
      cause: error,
    });
  }
  if (bytes.length > maxDockerfile)
    throw new SourceError("BAD_DOCKERFILE", `${name}: ${dockerfile} is larger than ${maxDockerfile} bytes`);
  return bytes.toString();
}
