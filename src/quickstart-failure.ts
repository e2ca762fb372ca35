import { rm } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "./core/image/index.ts";
import { digestHex, type Digest, type Instant } from "./lib/index.ts";
import { createServedCheck } from "./loop/promote/index.ts";
import type { Fleet } from "./fleet.ts";

/** What was done to an image after its promotion, and what became of it. */
export interface Unhealthy {
  readonly image: string;
  readonly digest: Digest;
  readonly blob: Digest;
}

/**
 * Makes the promoted digest of `image` one that can no longer be pulled, as a registry does that loses a disk: the layer that it does not share with its predecessor is deleted behind the
 * registry's back. Then what is served is looked at, as after every pass. Undefined where the image was not promoted since `since`.
 */
export async function plantUnhealthy(fleet: Fleet, image: string, since: Instant): Promise<Unhealthy | undefined> {
  const { ctx } = fleet;
  const last = ctx.config.environments.at(-1)?.name ?? "";
  const pointer = (await ctx.store.loadPointers(image)).find(({ environment }) => environment === last);
  const { digest = null, previous = null, since: promoted = null } = pointer ?? {};
  if (digest === null || previous === null || (promoted ?? 0) < since) return undefined;
  const shared = new Set(await layersOf(fleet, image, previous));
  const own = (await layersOf(fleet, image, digest)).filter((layer) => !shared.has(layer));
  const [blob] = own;
  if (blob === undefined) return undefined;
  await rm(join(fleet.dataDir, "registry", "blobs", "sha256", digestHex(blob)), { force: true });
  await createServedCheck()(ctx, (one) => one.image === image && one.environment === last);
  return { image, digest, blob };
}

async function layersOf({ ctx }: Fleet, image: string, digest: Digest): Promise<Digest[]> {
  const raw = await ctx.repositoryOf(image).manifest(digest);
  if (raw === undefined) return [];
  const document = parseDocument(raw);
  return document.kind === "manifest" ? document.manifest.layers.map((layer) => layer.digest) : [];
}
