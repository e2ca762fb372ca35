import type { Digest } from "../../../lib/index.ts";
import type { RawManifest } from "../../../core/image/index.ts";

/** What a client knows to be in the repositories of a registry, so that it need not ask. */
export interface KnownContent {
  has(repository: string, digest: Digest): boolean;
  /** A repository that has it, the last one that we heard of; undefined where we know of none. */
  holder(digest: Digest): string | undefined;
  add(repository: string, digests: Iterable<Digest>): void;
  remove(repository: string, digest: Digest): void;
  /** After a registry turned out to have lost something: all of the repository is asked for again. */
  forget(repository: string): void;
  manifest(repository: string, digest: Digest): RawManifest | undefined;
  keep(repository: string, manifest: RawManifest): void;
}

const maxDigests = 2_000_000;
const maxManifestBytes = 32 * 1024 * 1024;

export function createKnownContent(): KnownContent {
  const repositories = new Map<string, Set<Digest>>();
  const holders = new Map<Digest, string>();
  const manifests = new Map<string, RawManifest>();
  let digests = 0;
  let bytes = 0;

  function dropOldest(): void {
    const [oldest] = repositories.keys();
    if (oldest !== undefined) forget(oldest);
  }

  function forget(repository: string): void {
    digests -= repositories.get(repository)?.size ?? 0;
    repositories.delete(repository);
  }

  return {
    has: (repository, digest) => repositories.get(repository)?.has(digest) === true,
    holder: (digest) => {
      const repository = holders.get(digest);
      return repository !== undefined && repositories.get(repository)?.has(digest) === true ? repository : undefined;
    },
    add: (repository, added) => {
      let known = repositories.get(repository);
      if (known === undefined) repositories.set(repository, (known = new Set()));
      const before = known.size;
      for (const digest of added) {
        known.add(digest);
        holders.set(digest, repository);
      }
      // What was forgotten stays here until there is too much of it; who asks is told nothing of it.
      if (holders.size > maxDigests) holders.clear();
      digests += known.size - before;
      if (digests > maxDigests && repositories.size > 1) dropOldest();
    },
    remove: (repository, digest) => {
      if (repositories.get(repository)?.delete(digest) === true) digests--;
      const key = `${repository}@${digest}`;
      bytes -= manifests.get(key)?.bytes.byteLength ?? 0;
      manifests.delete(key);
    },
    forget,
    manifest: (repository, digest) => manifests.get(`${repository}@${digest}`),
    keep: (repository, manifest) => {
      const key = `${repository}@${manifest.digest}`;
      if (manifests.has(key)) return;
      manifests.set(key, manifest);
      bytes += manifest.bytes.byteLength;
      for (const [oldest, { bytes: old }] of manifests) {
        if (bytes <= maxManifestBytes) return;
        manifests.delete(oldest);
        bytes -= old.byteLength;
      }
    },
  };
}
