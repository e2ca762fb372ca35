import { parseDocument, manifestBlobs } from "../../../core/image/index.ts";
import type { Digest, Instant } from "../../../lib/index.ts";
import type { RegistryStore } from "./registry-store.ts";
import type { BlobEntry, StoredManifest, StoredRepository } from "./state.ts";

export interface GarbageOptions {
  /** Digests that stay, and all they name, besides what tags name: rebuilds in flight, digests to return to. */
  readonly roots?: Iterable<Digest>;
  /** Milliseconds for which anything uploaded, mounted or asked for stays although nothing names it. */
  readonly graceMs: number;
  /** The moment to count from; the clock's when left out. */
  readonly now?: Instant;
}

/** What a collection removed. */
export interface Collected {
  readonly manifests: number;
  readonly blobs: number;
  readonly bytes: number;
}

/**
 * Removes what no tag, root, index or living subject leads to. HEAD, mount and upload renew a lease, and nothing that
 * was touched since the mark began, or in the last `graceMs`, goes. The server may go on serving meanwhile.
 */
export async function collectGarbage(store: RegistryStore, options: GarbageOptions): Promise<Collected> {
  const began = options.now ?? store.clock.now();
  const roots = new Set(options.roots);
  const expired = (entry: BlobEntry): boolean =>
    entry.pins === 0 && entry.touched < began && entry.touched + options.graceMs <= began;
  let manifests = 0;
  for (const name of store.state().repositories.keys()) {
    manifests += await store.removing(() => collectRepository(store, name, roots, expired));
  }
  const swept = await sweepFiles(store, roots, expired);
  if (manifests + swept.blobs > 0) await store.checkpoint();
  await store.content.keepReserve();
  return { manifests, ...swept };
}

/** Removes what nothing leads to from one repository's lists, not the files; gives the number of manifests. */
async function collectRepository(
  store: RegistryStore,
  name: string,
  roots: ReadonlySet<Digest>,
  expired: (entry: BlobEntry) => boolean,
): Promise<number> {
  let repository: StoredRepository | undefined;
  // A manifest that came while we waited has not been read, and after a failed disk the store has another state.
  do {
    repository = store.repository(name);
    if (repository === undefined) return 0;
    await readNames(store, repository);
    await learnLeases(store, unreached(repository, roots));
  } while (store.repository(name) !== repository || hasUnread(repository));
  // From here to the commit nothing waits, so that no request comes between looking and removing.
  const { gone, loose } = unreached(repository, roots);
  const oldManifests = gone.filter((each) => expired(each.entry));
  const oldBlobs = loose.filter(expired).map((entry) => entry.digest);
  if (oldManifests.length + oldBlobs.length === 0) return 0;
  await store.commit(
    ...oldManifests.map(({ entry }) => ({ k: "unmanifest" as const, r: name, d: entry.digest })),
    ...(oldBlobs.length === 0 ? [] : [{ k: "unblob" as const, r: name, d: oldBlobs }]),
  );
  return oldManifests.length;
}

async function sweepFiles(
  store: RegistryStore,
  roots: ReadonlySet<Digest>,
  expired: (entry: BlobEntry) => boolean,
): Promise<{ blobs: number; bytes: number }> {
  let blobs = 0;
  let bytes = 0;
  for (const entry of store.state().blobs.values()) {
    if (entry.holders > 0 || roots.has(entry.digest)) continue;
    await learnLease(store, entry);
    if (entry.holders > 0 || !expired(entry)) continue;
    await store.discard(entry);
    blobs++;
    bytes += entry.size;
  }
  return { blobs, bytes };
}

/** The manifests of a repository that nothing leads to, and the blobs that no other manifest names. */
function unreached(
  repository: StoredRepository,
  roots: ReadonlySet<Digest>,
): { gone: readonly StoredManifest[]; loose: readonly BlobEntry[] } {
  const reached = new Set<Digest>();
  const named = new Set<Digest>(roots);
  const waiting: Digest[] = [...repository.tags.values(), ...roots];
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    const manifest = repository.manifests.get(digest);
    if (manifest === undefined || reached.has(digest)) continue;
    reached.add(digest);
    for (const name of manifest.names ?? []) {
      named.add(name);
      waiting.push(name);
    }
    waiting.push(...(repository.referrers.get(digest) ?? []));
  }
  // What an unreached manifest names stays with it until its own lease is over, and is looked at the next time.
  const gone = [...repository.manifests.values()].filter((each) => !reached.has(each.entry.digest));
  for (const manifest of gone) for (const name of manifest.names ?? []) named.add(name);
  return { gone, loose: [...repository.blobs].filter((entry) => !named.has(entry.digest)) };
}

/** Reads what the manifests name where that is not in memory yet. */
async function readNames(store: RegistryStore, repository: StoredRepository): Promise<void> {
  for (const manifest of repository.manifests.values()) {
    if (manifest.names !== undefined) continue;
    const bytes = await store.content.read(manifest.entry.digest);
    if (bytes === undefined) {
      manifest.names = [];
      continue;
    }
    const document = parseDocument({ bytes, mediaType: manifest.mediaType });
    const named = document.kind === "manifest" ? manifestBlobs(document.manifest) : document.index.manifests;
    manifest.names = named.map(({ digest }) => store.state().blobs.get(digest)?.digest ?? digest);
  }
}

function hasUnread(repository: StoredRepository): boolean {
  return [...repository.manifests.values()].some(({ names }) => names === undefined);
}

async function learnLeases(
  store: RegistryStore,
  candidates: { gone: readonly StoredManifest[]; loose: readonly BlobEntry[] },
): Promise<void> {
  for (const { entry } of candidates.gone) await learnLease(store, entry);
  for (const entry of candidates.loose) await learnLease(store, entry);
}

/** A lease that this process has not seen stands in the file's time. */
async function learnLease(store: RegistryStore, entry: BlobEntry): Promise<void> {
  if (entry.touched > 0) return;
  const usedAt = await store.content.usedAt(entry.digest);
  if (entry.touched === 0) entry.touched = usedAt ?? 0;
}
