import type { Digest } from "../../../lib/index.ts";

/** A file of content. Every repository that has it points at this one object. */
export interface BlobEntry {
  readonly digest: Digest;
  size: number;
  /** When it was last asked for, mounted or uploaded, in milliseconds; 0 when only the file's time tells. */
  touched: number;
  /** When `touched` was last written to the file's time. */
  touchSaved: number;
  /** Repositories that have it, as a blob or as a manifest. */
  holders: number;
  /** Requests that are about to use it; it is not collected meanwhile. */
  pins: number;
}

export interface StoredManifest {
  readonly entry: BlobEntry;
  readonly mediaType: string;
  readonly subject: Digest | undefined;
  /** Digests that the document names; undefined until someone read it. */
  names: readonly Digest[] | undefined;
}

export interface StoredRepository {
  readonly name: string;
  readonly blobs: Set<BlobEntry>;
  readonly manifests: Map<Digest, StoredManifest>;
  readonly tags: Map<string, Digest>;
  /** Manifests by the subject that they name. */
  readonly referrers: Map<Digest, Set<Digest>>;
  /** Names of the tags in order; undefined once they changed. */
  sortedTags: readonly string[] | undefined;
}

/** All that the registry knows; its files hold the content. */
export interface RegistryState {
  readonly repositories: Map<string, StoredRepository>;
  readonly blobs: Map<Digest, BlobEntry>;
}

/** One line of the journal. Applying it twice is the same as applying it once. */
export type JournalRecord =
  /** Head of a snapshot: digests and sizes, which `members` name by their place. */
  | { readonly k: "table"; readonly d: readonly (readonly [Digest, number])[] }
  | { readonly k: "members"; readonly r: string; readonly i: readonly number[] }
  /** The content of a small file that is not known to be on disk yet, base64. */
  | { readonly k: "data"; readonly d: Digest; readonly b: string }
  | { readonly k: "blob"; readonly r: string; readonly d: Digest; readonly s: number }
  | {
      readonly k: "manifest";
      readonly r: string;
      readonly d: Digest;
      readonly s: number;
      readonly t: string;
      /** Subject. */
      readonly j?: Digest;
      /** Tags that now point at it. */
      readonly n?: readonly string[];
    }
  | { readonly k: "untag"; readonly r: string; readonly n: string }
  | { readonly k: "unmanifest"; readonly r: string; readonly d: Digest }
  | { readonly k: "unblob"; readonly r: string; readonly d: readonly Digest[] };

export function createState(): RegistryState {
  return { repositories: new Map(), blobs: new Map() };
}

/** Applies records to a state in order. One applier for each journal: a snapshot's table lives in it. */
export function createApplier(state: RegistryState): (record: Exclude<JournalRecord, { k: "data" }>) => void {
  const table: BlobEntry[] = [];
  return (record) => {
    switch (record.k) {
      case "table":
        for (const [digest, size] of record.d) table.push(enterBlob(state, digest, size));
        return;
      case "members":
        for (const place of record.i) {
          const entry = table[place];
          if (entry !== undefined) addBlob(enterRepository(state, record.r), entry);
        }
        return;
      case "blob":
        addBlob(enterRepository(state, record.r), enterBlob(state, record.d, record.s));
        return;
      case "manifest":
        addManifest(enterRepository(state, record.r), enterBlob(state, record.d, record.s), record);
        return;
      case "untag":
        removeTag(enterRepository(state, record.r), record.n);
        return;
      case "unmanifest":
        removeManifest(enterRepository(state, record.r), record.d);
        return;
      case "unblob":
        for (const digest of record.d) removeBlob(state, enterRepository(state, record.r), digest);
        return;
    }
  };
}

/** The records that make this state from nothing. */
export function* snapshotState(state: RegistryState): Generator<JournalRecord> {
  const places = new Map<BlobEntry, number>();
  let part: [Digest, number][] = [];
  for (const entry of state.blobs.values()) {
    if (entry.holders === 0) continue;
    places.set(entry, places.size);
    part.push([entry.digest, entry.size]);
    if (part.length >= 500) {
      yield { k: "table", d: part };
      part = [];
    }
  }
  if (part.length > 0) yield { k: "table", d: part };
  for (const repository of state.repositories.values()) yield* snapshotRepository(repository, places);
}

function* snapshotRepository(
  repository: StoredRepository,
  places: ReadonlyMap<BlobEntry, number>,
): Generator<JournalRecord> {
  const { name: r } = repository;
  if (repository.blobs.size > 0) {
    yield { k: "members", r, i: Array.from(repository.blobs, (entry) => places.get(entry) ?? -1) };
  }
  const tags = Map.groupBy(repository.tags.keys(), (tag) => repository.tags.get(tag));
  for (const [digest, manifest] of repository.manifests) {
    const { entry, mediaType, subject } = manifest;
    const names = tags.get(digest);
    yield {
      k: "manifest",
      r,
      d: digest,
      s: entry.size,
      t: mediaType,
      ...(subject === undefined ? {} : { j: subject }),
      ...(names === undefined ? {} : { n: names }),
    };
  }
}

/** The entry of a digest, made when it is new. */
export function enterBlob(state: RegistryState, digest: Digest, size: number): BlobEntry {
  let entry = state.blobs.get(digest);
  if (entry === undefined) {
    entry = { digest, size, touched: 0, touchSaved: 0, holders: 0, pins: 0 };
    state.blobs.set(digest, entry);
  }
  if (entry.holders === 0) entry.size = size;
  return entry;
}

function enterRepository(state: RegistryState, name: string): StoredRepository {
  let repository = state.repositories.get(name);
  if (repository === undefined) {
    repository = {
      name,
      blobs: new Set(),
      manifests: new Map(),
      tags: new Map(),
      referrers: new Map(),
      sortedTags: undefined,
    };
    state.repositories.set(name, repository);
  }
  return repository;
}

function addBlob(repository: StoredRepository, entry: BlobEntry): void {
  if (repository.blobs.has(entry)) return;
  repository.blobs.add(entry);
  entry.holders++;
}

function removeBlob(state: RegistryState, repository: StoredRepository, digest: Digest): void {
  const entry = state.blobs.get(digest);
  if (entry !== undefined && repository.blobs.delete(entry)) entry.holders--;
}

function addManifest(
  repository: StoredRepository,
  entry: BlobEntry,
  record: Extract<JournalRecord, { k: "manifest" }>,
): void {
  if (!repository.manifests.has(entry.digest)) {
    repository.manifests.set(entry.digest, { entry, mediaType: record.t, subject: record.j, names: undefined });
    entry.holders++;
    if (record.j !== undefined) {
      const known = repository.referrers.get(record.j) ?? new Set();
      repository.referrers.set(record.j, known.add(entry.digest));
    }
  }
  for (const tag of record.n ?? []) {
    if (!repository.tags.has(tag)) repository.sortedTags = undefined;
    repository.tags.set(tag, entry.digest);
  }
}

function removeTag(repository: StoredRepository, tag: string): void {
  if (repository.tags.delete(tag)) repository.sortedTags = undefined;
}

function removeManifest(repository: StoredRepository, digest: Digest): void {
  const manifest = repository.manifests.get(digest);
  if (manifest === undefined) return;
  repository.manifests.delete(digest);
  manifest.entry.holders--;
  if (manifest.subject !== undefined) {
    const known = repository.referrers.get(manifest.subject);
    known?.delete(digest);
    if (known?.size === 0) repository.referrers.delete(manifest.subject);
  }
  for (const [tag, target] of repository.tags) if (target === digest) removeTag(repository, tag);
}
