import { formatPlatform, type ImageConfig, type ImageSource } from "../../core/image/index.ts";
import {
  readAptSources,
  readInventory,
  suitesOfImage,
  type Inventory,
  type SuiteRequest,
  type Tree,
} from "../../core/inventory/index.ts";
import { findOffers, type Offer } from "../../core/advisory/index.ts";
import type { PackageUniverse } from "../../core/packages/index.ts";
import type { ImageReader } from "../../io/layer/index.ts";
import { messageOf, type Digest, type Instant } from "../../lib/index.ts";
import { keyOf, readHints, type ReadChangelog } from "./read-hints.ts";

/** What the suites of a release offer for one architecture, and since when. */
export interface SuiteOffers {
  readonly universe: PackageUniverse;
  /** By origin, when that suite's present generation was made, else when it was first seen. */
  readonly since: ReadonlyMap<string, Instant>;
  readonly readChangelog: ReadChangelog;
}

export interface CheckImageDeps {
  readonly images: ImageReader;
  /** The named suites of a release; throws where they cannot be had. */
  readonly universeFor: (request: SuiteRequest, signal?: AbortSignal) => Promise<SuiteOffers>;
}

/** How one outdated package would be cured. */
export type Cure =
  /** A rebuild of the image on the same base: its own layers brought the package. */
  | { readonly kind: "rebuild" }
  /** The package came with the layers that image begins with: a newer base, or an upgrade in the image's own build. */
  | { readonly kind: "base"; readonly layers: number };

export interface OutdatedPackage extends Offer {
  /** When the version was made, as its changelog says; else when its suite's present generation was. */
  readonly since: Instant | undefined;
  /** CVEs that its changelog names since the installed version: hints. */
  readonly hints: readonly string[];
  readonly cure: Cure;
}

export interface PlatformCheck {
  readonly platform: string;
  readonly inventory: Inventory;
  /** The suites that were asked, as the image's own apt sources name them, or the usual ones of its release. */
  readonly suites: readonly string[];
  readonly suitesFrom: "image" | "release";
  readonly outdated: readonly OutdatedPackage[];
  /** Installed packages that the suites do not have at all. */
  readonly unknownPackages: readonly string[];
  /** `unknown` is never clean: `reasons` say what could not be told. */
  readonly state: "current" | "outdated" | "unknown";
  readonly reasons: readonly string[];
}

export interface ImageCheck {
  readonly image: string;
  readonly digest: Digest;
  readonly platforms: readonly PlatformCheck[];
}

/** What `reference` holds on every platform, which of it the image's own suites have newer, since when, and what cures it. Needs no configuration and no feed. Throws where the image cannot be read. */
export async function checkImage(
  source: ImageSource,
  reference: string,
  deps: CheckImageDeps,
  signal?: AbortSignal,
): Promise<ImageCheck> {
  const image = await deps.images.read(source, reference, signal);
  const platforms: PlatformCheck[] = [];
  for (const { platform, tree, config } of image.platforms) {
    const inventory = readInventory(tree, platform);
    platforms.push(await checkPlatform(formatPlatform(platform), tree, config, inventory, deps, signal));
  }
  return { image: source.name, digest: image.digest, platforms };
}

async function checkPlatform(
  platform: string,
  tree: Tree,
  config: ImageConfig,
  inventory: Inventory,
  deps: CheckImageDeps,
  signal: AbortSignal | undefined,
): Promise<PlatformCheck> {
  const asked = suitesOfImage(inventory, readAptSources(tree));
  const { suites, suitesFrom } = asked;
  const base = { platform, inventory, suites, suitesFrom } as const;
  const nothing = { outdated: [], unknownPackages: [], state: "unknown" } as const;
  if (asked.kind === "unknown") return { ...base, ...nothing, reasons: [...inventory.problems, asked.reason] };
  let offers: SuiteOffers;
  try {
    offers = await deps.universeFor(asked.request, signal);
  } catch (error) {
    signal?.throwIfAborted();
    return { ...base, ...nothing, reasons: [...inventory.problems, messageOf(error)] };
  }
  const { newer, unknown } = findOffers(inventory, offers.universe);
  const cureOf = cureFor(tree, config);
  const hints = await readHints(newer, inventory, offers.universe, offers.readChangelog, signal);
  const outdated = newer.map((offer) => {
    const hint = hints.get(keyOf(offer));
    const since = hint?.since ?? offers.since.get(offer.origin);
    return { ...offer, since, hints: hint?.ids ?? [], cure: cureOf(offer.layer) };
  });
  const state = inventory.system === "unknown" ? "unknown" : outdated.length > 0 ? "outdated" : "current";
  return {
    ...base,
    outdated,
    unknownPackages: unknown,
    state,
    reasons: inventory.system === "unknown" ? inventory.problems : [],
  };
}

/**
 * Which layers are the base's is not written in an image, so the lowest one that holds the release's own files counts as
 * base; what a layer above it brought, a rebuild brings anew.
 */
function cureFor(tree: Tree, config: ImageConfig): (layer: Digest) => Cure {
  const layers = tree.layers;
  const isSingle = layers.length === 1 || config.history === undefined;
  return (layer) => {
    const at = layers.indexOf(layer);
    return at === 0 && !isSingle ? { kind: "base", layers: 1 } : { kind: "rebuild" };
  };
}
