import type { Digest } from "../../../lib/index.ts";
import type { Lease, PlannedRebuild, Store } from "../index.ts";

/** A digest of one letter, for tests. */
export function digestOf(letter: string): Digest {
  return `sha256:${letter.repeat(64).slice(0, 64)}`;
}

export function planned(image: string, more: Partial<PlannedRebuild> = {}): PlannedRebuild {
  return {
    image,
    lane: "routine",
    notBefore: 0,
    recipeKey: "recipe",
    parents: [],
    causes: [{ key: "source:recipe", cause: { kind: "source", from: "old", to: "recipe" } }],
    ...more,
  };
}

export async function declareImages(store: Store, ...names: string[]): Promise<void> {
  await store.saveImages(
    names.map((name) => ({ name, repository: `fleet/${name}`, definition: {}, recipeKey: "recipe", parents: [] })),
  );
}

/** Declares an image and plans and leases a rebuild of it. */
export async function leasedRebuild(store: Store, image: string, leaseMs = 30_000): Promise<Lease> {
  await store.saveImages([
    ...(await store.loadImages()).filter(({ name }) => name !== image),
    { name: image, repository: `fleet/${image}`, definition: {}, recipeKey: "recipe", parents: [] },
  ]);
  await store.savePlan({ detail: {}, rebuilds: [planned(image)] });
  return takeLease(store, image, "worker", leaseMs);
}

export async function takeLease(store: Store, image: string, owner = "worker", leaseMs = 30_000): Promise<Lease> {
  const lease = await store.leaseRebuild({ owner, leaseMs, image });
  if (lease === undefined) throw new Error(`no rebuild of ${image} is free`);
  return lease;
}

/** A candidate that passed its verification in an environment. */
export async function provenCandidate(
  store: Store,
  lease: Lease,
  digest: Digest,
  environment = "production",
): Promise<void> {
  await store.saveCandidate(lease, {
    digest,
    platforms: ["linux/amd64"],
    inventories: {},
    recipeKey: "recipe",
    baseDigests: [],
  });
  await store.saveVerification(lease, {
    digest,
    environment,
    verdict: "passed",
    checks: [],
    startedAt: 0,
  });
}
