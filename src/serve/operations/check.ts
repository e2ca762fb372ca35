import { join } from "node:path";
import { createImageReader, createLayerStore } from "../../io/layer/index.ts";
import { openImage, type RegistryClient } from "../../io/registry/index.ts";
import type { Clock } from "../../lib/index.ts";
import { checkImage } from "../../loop/match/index.ts";
import type { OperationHandlers } from "../../operation/index.ts";
import { describeCheck } from "./describe-check.ts";
import { createSuiteFinder, debianKeys, type SuiteFinderDeps } from "./find-suites.ts";
import { narrowPlatform, requirePlatform } from "./narrow-platform.ts";
import { remoteName } from "./remote-name.ts";

export interface CheckDeps {
  /** For what layers hold and suites offer, so that the next look is quick; all of it can be made again. */
  readonly cacheDir: string;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly registries: RegistryClient;
  /** Whether layouts and archives of this machine are looked at: not for those who ask from elsewhere. */
  readonly localFiles: boolean;
  readonly signal?: AbortSignal;
  /** `/etc/apt` without it. */
  readonly aptFolder?: string;
  /** The keys that may sign a release; Debian's own without it. */
  readonly keysOf?: SuiteFinderDeps["keysOf"];
}

/**
 * What any image holds, what of it is old and what would cure it; without configuration, feed or state. Throws NOT_FOUND for a platform that the image does not have, and what reading an
 * image throws.
 */
export function createCheck(deps: CheckDeps): OperationHandlers["check"] {
  const { cacheDir, clock, env, registries, signal, aptFolder = "/etc/apt", keysOf = debianKeys } = deps;
  const images = createImageReader(createLayerStore(join(cacheDir, "layers")));
  return async ({ image, platform }) => {
    const opened = await openImage(deps.localFiles ? image : remoteName("check", image), registries);
    const finder = createSuiteFinder({ cacheDir, clock, env, aptFolder, keysOf });
    try {
      const reference = await narrowPlatform(opened.source, opened.reference, platform, signal);
      const found = await checkImage(
        opened.source,
        reference.read,
        { images, universeFor: (request, stop) => finder.find(request, stop) },
        signal,
      );
      requirePlatform(
        image,
        platform,
        found.platforms.map((one) => one.platform),
      );
      const checked = { ...found, digest: reference.digest ?? found.digest };
      return describeCheck(image, checked, finder.asked(), finder.notes());
    } finally {
      await Promise.all([opened.close(), finder.close()]);
    }
  };
}
