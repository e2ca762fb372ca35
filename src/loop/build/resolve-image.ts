import { effectiveImage, lineageOf, packagesImage, rootsOf, type Config } from "../../core/config/index.ts";
import { annotationKeys, parsePlatform } from "../../core/image/index.ts";
import type { RunConfig } from "../../core/layer/index.ts";
import { resolvePackages, type PackageRecord, type PackageUniverse } from "../../core/packages/index.ts";
import type { PackageChange } from "../../core/plan/index.ts";
import { AppError, type Digest } from "../../lib/index.ts";
import { repositoryName, type Context } from "../context.ts";
import { readImageFiles } from "../files.ts";
import type { AssembleRequest, PlatformPackages } from "./types.ts";

export class ResolveError extends AppError<
  /** The packages cannot be had together; the message is the chain of who needs what. */
  | "UNSATISFIABLE"
  /** No suite of the upstream was ever fetched. */
  | "NO_PACKAGES"
  /** The configuration has no such image. */
  | "NO_SUCH_IMAGE"
> {}

export interface ResolveOptions {
  /** Updates that wait: these packages stay at `from`. */
  readonly holdBack?: readonly PackageChange[];
  /** Digest of the parent that it goes out with. */
  readonly base?: Digest | undefined;
  /** In place of those of the configuration. */
  readonly platforms?: readonly string[];
}

export interface ResolvedImage {
  readonly request: AssembleRequest;
  /** What could not be done as planned, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * What an image is made of now: for every platform the closure that its suites give, packages that wait held at the version they have. Throws UNSATISFIABLE with the
 * chain of who needs what, NO_PACKAGES, NO_SUCH_IMAGE, and what reading `files:` throws.
 */
export async function resolveImage(
  ctx: Pick<Context, "config" | "home" | "suites" | "distro">,
  name: string,
  options: ResolveOptions = {},
): Promise<ResolvedImage> {
  const { config } = ctx;
  const { holdBack = [], base } = options;
  const image = effectiveImage(config, name);
  if (image === undefined) {
    throw new ResolveError("NO_SUCH_IMAGE", `the configuration has no image ${name}`, {
      hint: "`tidemill validate` shows what it has.",
    });
  }
  const sources = ctx.suites.get(image.upstream) ?? [];
  const found = await Promise.all(sources.map((source) => ctx.distro.generation(source.name)));
  const generations = found.filter((one) => one !== undefined);
  if (generations.length === 0) {
    throw new ResolveError("NO_PACKAGES", `${name}: no suite of ${image.upstream} was fetched yet`, {
      hint: "`tidemill doctor` says what keeps them away.",
      retry: true,
    });
  }
  const platforms: PlatformPackages[] = [];
  const notes: string[] = [];
  for (const text of options.platforms ?? image.platforms) {
    const platform = parsePlatform(text);
    const universe = await ctx.distro.universe(generations, platform.architecture);
    const pins = pinsOf(universe, holdBack, notes);
    const closure = (each: string): readonly PackageRecord[] => resolveOne(config, each, universe, pins);
    platforms.push({
      platform,
      packages: closure(name),
      lineage: lineageOf(config, name)
        .slice(0, -1)
        .map((each) => closure(each).map((record) => record.name)),
    });
  }
  const files = (await Promise.all(image.files.map((file) => readImageFiles(ctx.home, file)))).flat();
  const request: AssembleRequest = {
    image: name,
    platforms,
    files,
    run: runConfigOf(image),
    accounts: image.accounts,
    timezone: image.timezone,
    annotations: annotationsOf(config, name, image.labels, base),
  };
  return { request, notes: [...new Set(notes)] };
}

function resolveOne(
  config: Config,
  name: string,
  universe: PackageUniverse,
  pins: Readonly<Record<string, string>>,
): readonly PackageRecord[] {
  const image = effectiveImage(config, name);
  const resolution = resolvePackages(
    {
      roots: rootsOf(config, name),
      essential: image?.essential ?? false,
      recommends: image?.recommends ?? false,
      exclude: image?.exclude ?? [],
      pins,
    },
    universe,
  );
  if (resolution.kind === "resolved") return resolution.packages;
  throw new ResolveError("UNSATISFIABLE", `${name} on ${universe.architecture}: ${resolution.chain.join("; ")}`, {
    hint: "Change `packages:` or `exclude:` of the image; each sentence is one who needs the next.",
  });
}

/** The versions that stay as they are. One that no suite offers any more cannot be kept: it is noted. */
function pinsOf(
  universe: PackageUniverse,
  holdBack: readonly PackageChange[],
  notes: string[],
): Readonly<Record<string, string>> {
  const pins: Record<string, string> = {};
  for (const { name, architecture, from } of holdBack) {
    if (from === undefined || (architecture !== universe.architecture && architecture !== "all")) continue;
    if (universe.versions(name).some(({ version }) => version === from)) pins[name] = from;
    else notes.push(`${name} ${from} should wait for its cool-down, but no suite offers that version any more`);
  }
  return pins;
}

/** What any tool can read of an image's origin. image-spec, annotations.md. */
function annotationsOf(
  config: Config,
  name: string,
  labels: Readonly<Record<string, string>>,
  base: Digest | undefined,
): Record<string, string> {
  const parent = packagesImage(config, name)?.parent;
  const { url } = config.registry;
  const said = Object.entries(labels).filter(([key]) => key.startsWith("org.opencontainers.image."));
  const path = parent === undefined ? "" : repositoryName(config, parent);
  return {
    [annotationKeys.title]: name,
    ...Object.fromEntries(said),
    ...(parent === undefined || base === undefined
      ? {}
      : {
          [annotationKeys.baseName]: url === undefined ? path : `${url}/${path}`,
          [annotationKeys.baseDigest]: base,
        }),
  };
}

function runConfigOf(image: NonNullable<ReturnType<typeof effectiveImage>>): RunConfig {
  const { entrypoint, cmd, env, user, workdir, labels, ports } = image;
  return {
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(cmd === undefined ? {} : { cmd }),
    ...(Object.keys(env).length === 0 ? {} : { env }),
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workdir }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(ports.length === 0 ? {} : { ports }),
  };
}
