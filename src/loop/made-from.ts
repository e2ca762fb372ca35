import { ecosystemOfCodename } from "../core/advisory/index.ts";
import { effectiveImage, type Config } from "../core/config/index.ts";

/** The ecosystem of the upstream that an image is assembled from: of one that does not say which release it is. */
export function madeFromOf(config: Config, image: string | undefined): string | undefined {
  const upstream = (image === undefined ? undefined : effectiveImage(config, image))?.upstream ?? "";
  return ecosystemOfCodename(config.upstreams[upstream]?.codename ?? "");
}
