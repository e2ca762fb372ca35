import { formatPlatform } from "../../core/image/index.ts";
import type { Inventory } from "../../core/inventory/index.ts";
import type { ImageDigest } from "../../io/store/index.ts";
import { isDigest, messageOf, type Digest } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import type { Why } from "../../operation/index.ts";
import { readManifests } from "./read-manifests.ts";

type Layers = Why["layers"];
type LayerView = Layers["changed"][number];

const maxPackages = 100;

/** What is known of a digest and of the one that it took over from. */
export interface LayerFacts {
  readonly image: string;
  readonly digest: Digest;
  readonly previous: Digest | undefined;
  readonly own: ImageDigest | undefined;
  readonly before: ImageDigest | undefined;
  readonly inventories: ReadonlyMap<Digest, Inventory>;
}

/** Which layers of a digest its predecessor did not have, on any platform. */
export async function describeLayers(ctx: Context, facts: LayerFacts): Promise<Layers> {
  const { image, digest, previous } = facts;
  const [after, before] = await Promise.all([
    loadLayers(ctx, image, digest, facts.own, facts.inventories),
    previous === undefined ? [] : loadLayers(ctx, image, previous, facts.before, facts.inventories),
  ]);
  const had = new Set(before.map((layer) => layer.digest));
  const changed = after.filter((layer) => !had.has(layer.digest));
  return {
    changed,
    unchanged: after.length - changed.length,
    bytesChanged: sumOf(changed),
    bytesTotal: sumOf(after),
  };
}

/** The layers of all platforms, each digest once: from its manifests, or as they were put down when it was built where the registry no longer has it. */
async function loadLayers(
  ctx: Context,
  image: string,
  digest: Digest,
  known: ImageDigest | undefined,
  inventories: ReadonlyMap<Digest, Inventory>,
): Promise<LayerView[]> {
  const layers = new Map<Digest, LayerView>();
  try {
    const { platforms } = await readManifests(ctx.repositoryOf(image), digest, ctx.signal);
    for (const { platform, layers: lines } of platforms) {
      const key = known?.inventories[formatPlatform(platform)];
      const owned = packagesByLayer(key === undefined ? undefined : inventories.get(key));
      for (const { digest: layer, diffId, bytes, content } of lines) {
        const packages = (diffId === undefined ? undefined : owned.get(diffId)) ?? [];
        if (!layers.has(layer))
          layers.set(layer, { digest: layer, bytes, content, packages: packages.slice(0, maxPackages) });
      }
    }
  } catch (error) {
    ctx.signal.throwIfAborted();
    ctx.log.warn({ image, digest, error: messageOf(error) }, "its manifests cannot be read");
    layers.clear();
    for (const layer of storedLayers(known)) layers.set(layer.digest, layer);
  }
  return [...layers.values()];
}

function packagesByLayer(inventory: Inventory | undefined): Map<Digest, string[]> {
  const owned = new Map<Digest, string[]>();
  for (const { layer, name } of inventory?.packages ?? []) {
    const names = owned.get(layer);
    if (names === undefined) owned.set(layer, [name]);
    else names.push(name);
  }
  return owned;
}

/** What its build put down of its layers; an imported digest has nothing. */
function storedLayers(known: ImageDigest | undefined): LayerView[] {
  const stored: unknown = known?.detail.layers;
  if (!Array.isArray(stored)) return [];
  return stored.flatMap(
    (layer: { readonly digest?: unknown; readonly bytes?: unknown; readonly history?: unknown }) => {
      const { digest, bytes, history } = layer;
      if (typeof digest !== "string" || !isDigest(digest) || typeof bytes !== "number") return [];
      return [{ digest, bytes, content: typeof history === "string" ? history : "", packages: [] }];
    },
  );
}

function sumOf(layers: readonly LayerView[]): number {
  return layers.reduce((sum, { bytes }) => sum + bytes, 0);
}
