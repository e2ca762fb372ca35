import type { ImageSource } from "../../core/image/index.ts";
import { readInventory, type Inventory } from "../../core/inventory/index.ts";
import type { ImageReader } from "../../io/layer/index.ts";
import type { Digest } from "../../lib/index.ts";

/** What each platform of a digest really holds, read back from the digest's own blobs; throws what {@link ImageReader.read} throws. */
export async function loadInventory(
  source: ImageSource,
  digest: Digest,
  deps: { readonly images: ImageReader },
  signal?: AbortSignal,
): Promise<readonly Inventory[]> {
  const image = await deps.images.read(source, digest, signal);
  return image.platforms.map(({ tree, platform }) => readInventory(tree, platform));
}
