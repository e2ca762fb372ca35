import { effectiveImage, lineageOf, packagesImage, rootsOf, type Config } from "../../core/config/index.ts";
import { annotationKeys, parsePlatform } from "../../core/image/index.ts";
import type { RunConfig } from "../../core/layer/index.ts";
import { resolvePackages, withRecords, type PackageRecord, type PackageUniverse } from "../../core/packages/index.ts";
import type { PackageChange } from "../../core/plan/index.ts";
import { AppError, type Digest } from "../../lib/index.ts";
import { repositoryName, type Context } from "../context.ts";
import { readImageFiles } from "../files.ts";
import type { AssembleRequest, PlatformPackages } from "./types.ts";

export class ResolveError extends AppError<
  /** The packages cannot be had together; the message is the chain of who needs what. */
  | "UNSATISFIABLE"
  /** What was taken back, or broke the checks, would come all the same. */
  | "KEPT_OUT"
  /** No suite of the upstream was ever fetched. */
  | "NO_PACKAGES"
  /** The configuration has no such image. */
  | "NO_SUCH_IMAGE"
> {}

export interface ResolveOptions {
  /** Updates that wait or are blocked: these packages stay at `from`. */
  readonly holdBack?: readonly PackageChange[];
  /** What is remembered of packages that have to stay, for where no suite offers them any more. */
  readonly remembered?: readonly PackageRecord[];
  /** Versions that must not come. */
  readonly keepOut?: readonly { readonly name: string; readonly architecture: string; readonly version: string }[];
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
  const { holdBack = [], remembered = [], keepOut = [], base } = options;
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
    const offered = await ctx.distro.universe(generations, platform.architecture);
    const universe = withRecords(offered, ofSuites(remembered, sources));
    const pins = pinsOf(universe, holdBack, notes);
    const closure = (each: string): readonly PackageRecord[] => {
      const packages = resolveOne(config, each, universe, pins);
      refuseKeptOut(name, packages, keepOut);
      return packages;
    };
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

function refuseKeptOut(
  image: string,
  packages: readonly PackageRecord[],
  keepOut: NonNullable<ResolveOptions["keepOut"]>,
): void {
  const bad = packages.filter((one) =>
    keepOut.some(
      ({ name, architecture, version }) =>
        name === one.name && architecture === one.architecture && version === one.version,
    ),
  );
  if (bad.length === 0) return;
  const names = bad.map(({ name, version }) => `${name} ${version}`).join(", ");
  throw new ResolveError(
    "KEPT_OUT",
    `${image} would bring ${names}, which is in quarantine; what it has now cannot be kept`,
    {
      hint: "It waits for a newer version. `tidemill why` says what was wrong with this one.",
    },
  );
}

/** What another suite offered once is not taken from this one's mirror. */
function ofSuites(
  records: readonly PackageRecord[],
  suites: readonly { readonly name: string }[],
): readonly PackageRecord[] {
  return records.filter(({ origin }) => suites.some(({ name }) => name === origin));
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
    else
      notes.push(`${name} should stay at ${from}, but no suite offers that version any more, and it is not remembered`);
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
