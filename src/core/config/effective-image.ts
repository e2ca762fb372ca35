import type { Config, PackagesImage } from "./schema.ts";

/** The image as it is declared, where its recipe is `packages`. */
export function packagesImage(config: Config, name: string): PackagesImage | undefined {
  const image = config.images[name];
  return image?.recipe === "packages" ? image : undefined;
}

/** Images from the eldest ancestor down to `name` itself, by name; a chain that the configuration's checks refuse ends early. */
export function lineageOf(config: Config, name: string): string[] {
  const chain: string[] = [];
  for (let at: string | undefined = name; at !== undefined; at = packagesImage(config, at)?.parent) {
    if (packagesImage(config, at) === undefined || chain.includes(at)) break;
    chain.unshift(at);
  }
  return chain;
}

/** The packages that an image and all it is built on ask for, the lowest first, each once. */
export function rootsOf(config: Config, name: string): string[] {
  return [...new Set(lineageOf(config, name).flatMap((each) => packagesImage(config, each)?.packages ?? []))];
}

/**
 * An image with what it has from its ancestors, as `FROM` would give it: packages, files, accounts, environment, labels and ports add up, the own ones win; user,
 * folder, timezone and command are the nearest that are said, and an own entrypoint leaves no inherited command. Checks and the repository are its own. Undefined
 * for other recipes: what they hold is in what they are built from.
 */
export function effectiveImage(config: Config, name: string): PackagesImage | undefined {
  const chain = lineageOf(config, name).flatMap((each) => packagesImage(config, each) ?? []);
  const own = chain.at(-1);
  if (own === undefined) return undefined;
  return chain.slice(0, -1).reduceRight((image, above) => inherit(image, above), own);
}

/** The labels by which access to an image is limited, as `key=value`: its own and those of what it is built on; none where it is not declared. */
export function labelsOf(config: Config, name: string): string[] {
  const labels = effectiveImage(config, name)?.labels ?? config.images[name]?.labels ?? {};
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}

/**
 * The upstream whose suites tell what is newer than the packages of an image: the one that it names, else the first of the release that its os-release names
 * (`codename`); undefined where there is none.
 */
export function distroOf(config: Config, name: string, codename: string | undefined): string | undefined {
  const own = effectiveImage(config, name)?.upstream ?? config.images[name]?.upstream;
  if (own !== undefined || codename === undefined) return own;
  return Object.entries(config.upstreams).find(([, upstream]) => upstream.codename === codename)?.[0];
}

function inherit(image: PackagesImage, above: PackagesImage): PackagesImage {
  const { entrypoint, user, workdir, timezone } = image;
  const cmd = image.cmd ?? (entrypoint === undefined ? above.cmd : undefined);
  return {
    ...image,
    packages: [...new Set([...above.packages, ...image.packages])],
    exclude: [...new Set([...above.exclude, ...image.exclude])],
    essential: above.essential || image.essential,
    recommends: above.recommends || image.recommends,
    env: { ...above.env, ...image.env },
    labels: { ...above.labels, ...image.labels },
    ports: [...new Set([...above.ports, ...image.ports])],
    files: [...above.files, ...image.files],
    accounts: [
      ...above.accounts.filter(({ name }) => !image.accounts.some((one) => one.name === name)),
      ...image.accounts,
    ],
    entrypoint: entrypoint ?? above.entrypoint,
    cmd,
    user: user ?? above.user,
    workdir: workdir ?? above.workdir,
    timezone: timezone ?? above.timezone,
  };
}
