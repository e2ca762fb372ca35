import { planRetention, type Retention, type RetentionFacts } from "../../core/policy/index.ts";
import type { RegistryServer } from "../../io/registry/index.ts";
import { messageOf, type Digest, type Instant } from "../../lib/index.ts";
import { keepingTag, type Context } from "../context.ts";

export interface Retained {
  readonly kept: number;
  readonly dropped: number;
  /** Bytes that the embedded registry gave back. */
  readonly bytes: number;
}

/** How long a blob stays that nothing names: longer than an upload may rest. */
const graceMs = 86_400_000;

/**
 * Lets go of the digests that no environment names or may return to: their keeping tags are removed, and the embedded registry collects what nothing leads to. What is
 * recorded of them stays.
 */
export async function retainDigests(ctx: Context, registry: RegistryServer | undefined): Promise<Retained> {
  const { config, clock } = ctx;
  const now = clock.now();
  const roots: Digest[] = [];
  let dropped = 0;
  for (const image of Object.keys(config.images)) {
    ctx.signal.throwIfAborted();
    const { keep, drop } = await planImageRetention(ctx, image, now);
    roots.push(...keep);
    for (const digest of drop) if (await letGo(ctx, image, digest)) dropped += 1;
  }
  const collected = await registry?.collectGarbage({ roots, graceMs, now });
  return { kept: roots.length, dropped, bytes: collected?.bytes ?? 0 };
}

/** Which digests of an image stay, and which the next round lets go. */
export async function planImageRetention(
  { store, config }: Pick<Context, "store" | "config">,
  image: string,
  now: Instant,
): Promise<Retention & Pick<RetentionFacts, "digests">> {
  const [digests, pointers, promotions, rebuilds, quarantines, places] = await Promise.all([
    store.loadImageDigests(image, 10_000),
    store.loadPointers(image),
    store.loadPromotions({ image, states: ["confirmed"], limit: 10_000 }),
    store.loadRebuilds({ image, active: true }),
    store.loadQuarantines(image),
    store.loadDeployed(image),
  ]);
  const environments = config.environments.map(({ name }) => ({
    current: pointers.find(({ environment }) => environment === name)?.digest ?? undefined,
    past: promotions.filter(({ environment }) => environment === name).map(({ digest }) => digest),
  }));
  // What a running system uses or may be brought back to stays as long as it does.
  const inFlight = [
    ...rebuilds.flatMap(({ candidate }) => (candidate === null ? [] : [candidate])),
    ...places.flatMap(({ digest }) => (digest === null ? [] : [digest])),
  ];
  const quarantined = new Set(quarantines.map(({ digest }) => digest));
  const { keep, keepFor: minAge } = config.policies;
  return { digests, ...planRetention({ digests, environments, inFlight, quarantined }, { keep, minAge }, now) };
}

/** Removes a keeping tag, the tag of its signature where we sign, and those under which a pipeline pushed it; false where it was gone already, or where the registry does not let us. */
async function letGo(ctx: Context, image: string, digest: Digest): Promise<boolean> {
  try {
    const repository = ctx.repositoryOf(image);
    // What names it as its subject goes with it; the signature under a tag would stay for ever.
    if (ctx.evidence !== undefined) await repository.deleteManifest(`${digest.replace(":", "-")}.sig`, ctx.signal);
    if (ctx.config.images[image]?.recipe === "external")
      for (const tag of await ctx.store.loadRunTags(image, digest)) await repository.deleteManifest(tag, ctx.signal);
    return await repository.deleteManifest(keepingTag(digest), ctx.signal);
  } catch (error) {
    ctx.signal.throwIfAborted();
    ctx.log.warn({ image, digest, error: messageOf(error) }, "a digest could not be let go");
    return false;
  }
}
