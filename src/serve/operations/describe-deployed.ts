import { deploymentsOf, type Config } from "../../core/config/index.ts";
import type { Deployed, Pointer } from "../../io/store/index.ts";
import type { Digest } from "../../lib/index.ts";
import { describeDeployed } from "../../loop/promote/index.ts";
import { formatInstant, type Status } from "../../operation/index.ts";

type EnvironmentView = Status["images"][number]["environments"][number];

/** The running systems of an image in an environment, in the shape of the contract. `places`: those of the image. */
export function describeDeployments(
  config: Config,
  image: string,
  environment: string,
  places: readonly Deployed[],
): EnvironmentView["deployments"] {
  return deploymentsOf(config, image, environment).map((name) => {
    const place = places.find((one) => one.name === name);
    const since = place?.since ?? null;
    return {
      name,
      digest: place?.digest ?? null,
      since: since === null ? null : formatInstant(since),
      waiting: place?.waiting ?? null,
    };
  });
}

/** Why the running systems do not use what an environment names, as a sentence; undefined where they do. */
export function findUndeployed(config: Config, pointer: Pointer, places: readonly Deployed[]): string | undefined {
  return describeDeployed(config, pointer, places).undeployed;
}

/** What may run of an image where the running systems do not use what the environment names: what each was last known to. */
export function findRunning(config: Config, { image, environment }: Pointer, places: readonly Deployed[]): Digest[] {
  const names = deploymentsOf(config, image, environment);
  return places.flatMap(({ name, digest }) => (digest !== null && names.includes(name) ? [digest] : []));
}

/** What is open against an environment of which several digests may run: what any of them has. Nobody can vouch for it. */
export function joinExposures(all: readonly EnvironmentView["exposure"][]): EnvironmentView["exposure"] {
  const advisories = [...new Set(all.flatMap((one) => one.advisories))];
  const since = all.flatMap((one) => one.since ?? []).sort()[0] ?? null;
  return { state: advisories.length === 0 ? "unknown" : "open", advisories, since };
}
