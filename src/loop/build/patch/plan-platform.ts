import type { Descriptor, ImageSource } from "../../../core/image/index.ts";
import { readAptSources, readInventory, suitesOf, type Inventory } from "../../../core/inventory/index.ts";
import { planPatch, readOriginal, selectSwaps, type Original, type PatchPlan } from "../../../core/patch/index.ts";
import type { PlatformImage } from "../../../io/layer/index.ts";
import { BuildError } from "../../../core/layer/index.ts";
import type { PackageCache } from "../package-cache.ts";
import { loadSwaps, type LoadedSwap } from "./load-swaps.ts";
import type { PatcherDeps, PatchRequest } from "./types.ts";

/** One platform of an original: where it stands in the index, and what it is. */
export interface OriginalPlatform {
  /** Its descriptor in the index; undefined where there is no index. */
  readonly descriptor: Descriptor | undefined;
  readonly source: ImageSource;
  readonly image: PlatformImage;
}

/** What is to be done with one platform. */
export interface PlannedPlatform extends OriginalPlatform {
  readonly inventory: Inventory;
  /** Undefined where it could not be read. */
  readonly original: Original | undefined;
  readonly plan: PatchPlan;
  /** Undefined where nothing was loaded. */
  readonly loaded: readonly LoadedSwap[];
}

/** Reads, asks the image's own suites, converts what they have newer, and decides. Throws what fetching and converting throw, except for two packages that cannot stand beside each other: that is a refusal. */
export async function planPlatform(
  platform: OriginalPlatform,
  { policy, codename: given }: Pick<PatchRequest, "policy" | "codename">,
  deps: PatcherDeps,
  cache: PackageCache,
  signal?: AbortSignal,
): Promise<PlannedPlatform> {
  const { tree } = platform.image;
  const inventory = readInventory(tree, platform.image.platform);
  const base = { ...platform, inventory, original: undefined, loaded: [] };
  const refused = (reasons: readonly string[]): PlannedPlatform => ({ ...base, plan: { kind: "refused", reasons } });
  const codename = inventory.os?.codename ?? given;
  const read = readOriginal(tree, inventory);
  if (read.kind === "refused") return refused(read.reasons);
  if (codename === undefined || !/^[a-z]{2,40}$/.test(codename)) return refused(["its os-release names no release"]);
  const { original } = read;
  const sources = readAptSources(tree);
  const own = suitesOf(codename, sources);
  const suites = own.length > 0 ? own : [codename, `${codename}-updates`, `${codename}-security`];
  const universe = await deps.universeFor({ codename, suites, architecture: original.architecture, sources }, signal);
  const selection = selectSwaps(original, universe, policy);
  if (selection.kind !== "swaps") return { ...base, original, plan: selection };
  try {
    const loaded = await loadSwaps(original, selection.swaps, cache, signal);
    const plan = planPatch(
      original,
      loaded.map(({ next }) => next),
      policy,
      selection.notes,
    );
    return { ...base, original, plan, loaded };
  } catch (error) {
    if (error instanceof BuildError && error.code === "FILE_CONFLICT") return refused([error.message]);
    throw error;
  }
}
