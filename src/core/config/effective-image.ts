import type { Config, ImageConfigEntry } from "./schema.ts";

/** Images from the eldest ancestor down to `name` itself, by name; a chain that the configuration's checks refuse ends early. */
export function lineageOf(config: Config, name: string): string[] {
  const chain: string[] = [];
  for (let at: string | undefined = name; at !== undefined; at = config.images[at]?.parent) {
    if (config.images[at] === undefined || chain.includes(at)) break;
    chain.unshift(at);
  }
  return chain;
}

/** The packages that an image and all it is built on ask for, the lowest first, each once. */
export function rootsOf(config: Config, name: string): string[] {
  return [...new Set(lineageOf(config, name).flatMap((each) => config.images[each]?.packages ?? []))];
}

/**
 * An image with what it has from its ancestors, as `FROM` would give it: packages, files, accounts, environment, labels and ports add up, the own ones win; user,
 * folder, timezone and command are the nearest that are said, and an own entrypoint leaves no inherited command. Checks and the repository are its own.
 */
export function effectiveImage(config: Config, name: string): ImageConfigEntry | undefined {
  const chain = lineageOf(config, name).flatMap((each) => config.images[each] ?? []);
  const own = chain.at(-1);
  if (own === undefined) return undefined;
  return chain.slice(0, -1).reduceRight((image, above) => inherit(image, above), own);
}

function inherit(image: ImageConfigEntry, above: ImageConfigEntry): ImageConfigEntry {
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
