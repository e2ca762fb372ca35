import { resolve } from "node:path";
import type { CheckConfig, Config } from "../../core/config/index.ts";
import type { JobPlace } from "../../io/cluster/index.ts";

type JobCheck = Extract<CheckConfig, { job: unknown }>;

/** Where the Job of a check is made. `home`: folder of the configuration. */
export function placeOfJob({ kubeconfig, context, namespace }: JobCheck["job"], home: string): JobPlace {
  return { kubeconfig: kubeconfig === undefined ? undefined : resolve(home, kubeconfig), context, namespace };
}

/** Where the Jobs of a configuration's checks are made, each place once. */
export function jobPlacesOf(
  { images, environments }: Pick<Config, "images" | "environments">,
  home: string,
): JobPlace[] {
  const checks = [...Object.values(images), ...environments].flatMap((one) => one.checks);
  const places = checks.flatMap((check) => ("job" in check ? [placeOfJob(check.job, home)] : []));
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()];
}
