import {
  manifestBlobs,
  parseDocument,
  type Descriptor,
  type ImageSink,
  type ImageSource,
  type RawManifest,
} from "../../../core/image/index.ts";
import type { Clock, Digest } from "../../../lib/index.ts";
import { RegistryError } from "../error.ts";
import { downloadBlob } from "./blob-download.ts";
import { hasBlob, pushScope, smallBlob, uploadBlob } from "./blob-upload.ts";
import {
  deleteManifest,
  fetchManifest,
  moveTag,
  resolveReference,
  sendManifest,
  type Place,
  type TagCondition,
} from "./manifests.ts";
import { fetchReferrers, sendReferrer } from "./referrers.ts";
import { lookAtTag, type KnownTag, type TagLook } from "./look-at-tag.ts";
import { fetchTags } from "./tags.ts";
import type { Answer } from "./transport.ts";

const refusals: ReadonlySet<string> = new Set(["DENIED", "UNAUTHORIZED", "NOT_FOUND", "REJECTED"]);

/** One repository of a registry. */
export interface Repository extends ImageSource, ImageSink {
  /** Host and port, and the name below them. */
  readonly registry: string;
  readonly repository: string;
  /** What a tag or digest names now, by one HEAD request; undefined where there is nothing. */
  resolve(reference: string, signal?: AbortSignal): Promise<Descriptor | undefined>;
  /** Points `tag` at a digest that is in the repository. With `ifMatch` only where the tag names that digest, or nothing (`absent`): else TAG_MOVED. Registries without If-Match are asked first, which leaves a gap. */
  tag(
    digest: Digest,
    tag: string,
    options?: { readonly ifMatch?: Digest | "absent"; readonly signal?: AbortSignal },
  ): Promise<void>;
  /** All tags; with `waits: false` a registry that has had enough is left alone at once: THROTTLED. */
  tags(signal?: AbortSignal, options?: { readonly waits: boolean }): Promise<readonly string[]>;
  /** What a tag names now, as cheaply as the registry lets: HEAD, or a GET that is told what we know. One that has had enough is left alone at once: THROTTLED. */
  look(tag: string, known?: KnownTag, signal?: AbortSignal): Promise<TagLook>;
  /** Removes a tag, or a manifest with all its tags; false where there was none. */
  deleteManifest(reference: string, signal?: AbortSignal): Promise<boolean>;
  /** The artifacts whose subject is `digest`, those of one type where it is given. */
  referrers(digest: Digest, artifactType?: string, signal?: AbortSignal): Promise<readonly Descriptor[]>;
  /** Stores an artifact that names a subject, and lists it there also where the registry has no referrers API. `putManifest` does the same. */
  putReferrer(manifest: RawManifest, signal?: AbortSignal): Promise<void>;
}

export interface RepositoryOptions {
  readonly place: Place;
  readonly clock: Clock;
  readonly random: () => number;
  readonly chunkBytes: number;
  /** Uploads under way, by repository and digest. */
  readonly uploading: Map<string, Promise<number>>;
  /** Large blobs that come to a registry that did not have them, as far as we know, whichever the repository. */
  readonly arriving: Map<Digest, Promise<number>>;
}

export function createRepository(options: RepositoryOptions): Repository {
  const { place, uploading, arriving } = options;
  const { registry, repository, known } = place;

  async function putOnce(
    descriptor: Descriptor,
    open: () => AsyncIterable<Uint8Array>,
    mountFrom: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const mounted = await mount(place, descriptor, mountFrom, signal);
    if (mounted === true) return 0;
    const large = descriptor.size > smallBlob;
    if (large && (await hasBlob(place.requester, repository, descriptor, signal))) return 0;
    const { chunkBytes } = options;
    return uploadBlob({ ...place, descriptor, open, location: mounted, chunkBytes, signal });
  }

  /** A large blob that many repositories want at once is sent to the first of them and mounted to the others. */
  async function putOnceForAll(...put: Parameters<typeof putOnce>): Promise<number> {
    const [{ digest, size }, , , signal] = put;
    if (size <= smallBlob || place.habits.mounts === false) return putOnce(...put);
    while (known.holder(digest) === undefined) {
      const under = arriving.get(digest);
      if (under === undefined) {
        const work = putOnce(...put);
        arriving.set(digest, work);
        try {
          const sent = await work;
          known.add(repository, [digest]);
          return sent;
        } finally {
          arriving.delete(digest);
        }
      }
      await under.catch(() => undefined);
      signal?.throwIfAborted();
    }
    return putOnce(...put);
  }

  return {
    name: `${registry}/${repository}`,
    registry,
    repository,
    manifest: (reference, signal) => fetchManifest(place, reference, signal),
    blob: (descriptor, signal) => downloadBlob(place.requester, repository, descriptor, signal),
    putBlob: async (descriptor, open, { mountFrom = [], signal } = {}) => {
      const { digest } = descriptor;
      if (known.has(repository, digest)) return 0;
      const key = `${repository}@${digest}`;
      const under = uploading.get(key);
      if (under !== undefined) return under.then(() => 0);
      const work = putOnceForAll(descriptor, open, mountFrom, signal);
      uploading.set(key, work);
      try {
        const sent = await work;
        known.add(repository, [digest]);
        return sent;
      } finally {
        uploading.delete(key);
      }
    },
    putManifest: async (manifest, tag, signal) => {
      if (tag === undefined && known.has(repository, manifest.digest)) return;
      // Few manifests have a subject; those that have may need the fallback tag.
      const bytes = Buffer.from(manifest.bytes.buffer, manifest.bytes.byteOffset, manifest.bytes.byteLength);
      await whenSettled<unknown>(options, manifest, signal, () =>
        bytes.includes('"subject"')
          ? sendReferrer(place, manifest, options, { tag, signal })
          : sendManifest(place, manifest, { tag, signal }),
      );
    },
    resolve: (reference, signal) => resolveReference(place, reference, signal),
    tag: (digest, tag, { ifMatch, signal } = {}) => moveTag(place, digest, tag, ifMatch satisfies TagCondition, signal),
    tags: (signal, options) => fetchTags(place, { ...options, signal }),
    look: (tag, known, signal) => lookAtTag(place, tag, known, signal),
    deleteManifest: (reference, signal) => deleteManifest(place, reference, signal),
    referrers: (digest, artifactType, signal) => fetchReferrers(place, digest, artifactType, signal),
    putReferrer: (manifest, signal) =>
      whenSettled(options, manifest, signal, () => sendReferrer(place, manifest, options, { signal })),
  };
}

const settlingTries = 3;

/**
 * Some registries lose sight of a blob for the moment in which somebody else puts the same one: docker-registry writes its link anew. A manifest that they refuse for that, though every blob of it is
 * there, is sent again soon.
 */
async function whenSettled<T>(
  { clock, random, place }: Pick<RepositoryOptions, "clock" | "random" | "place">,
  manifest: RawManifest,
  signal: AbortSignal | undefined,
  send: () => Promise<T>,
): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== "BLOB_UNKNOWN" || tried === settlingTries) throw error;
      if (!(await isWhole(place, manifest, signal))) throw error;
      await clock.sleep((100 + 100 * random()) * tried, signal);
    }
  }
}

/** Whether the registry says that it has every blob of a manifest; of an index nothing is said. */
async function isWhole(
  { requester, repository }: Place,
  manifest: RawManifest,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const document = parseDocument(manifest);
  if (document.kind === "index") return false;
  for (const blob of manifestBlobs(document.manifest))
    if (!(await hasBlob(requester, repository, blob, signal))) return false;
  return true;
}

/** True when the blob was mounted; where a refused mount said to upload, or undefined when nothing was tried. distribution-spec 1.1, Mounting a blob from another repository. */
async function mount(
  place: Place,
  descriptor: Descriptor,
  mountFrom: readonly string[],
  signal: AbortSignal | undefined,
): Promise<true | URL | undefined> {
  const { requester, repository, known, habits } = place;
  const { digest } = descriptor;
  const others = mountFrom.filter((from) => from !== repository);
  // First where we know the blob to be.
  const named = others.find((each) => known.has(each, digest));
  const holder = named ?? known.holder(digest);
  const from = holder ?? others[0];
  if (from === undefined || from === repository) return undefined;
  let answer: Answer;
  try {
    answer = await requester.ask({
      method: "POST",
      to: `/v2/${repository}/blobs/uploads/?mount=${digest}&from=${encodeURIComponent(from)}`,
      scopes: [pushScope(repository), `repository:${from}:pull`],
      signal,
      expect: [201, 202],
      what: `mount of ${digest} from ${from} to ${repository}`,
    });
  } catch (error) {
    // Nobody said that we may read there.
    const isRefused = error instanceof RegistryError && refusals.has(error.code);
    if (isRefused && !others.includes(from)) return undefined;
    throw error;
  }
  void answer.drain();
  if (holder !== undefined) habits.mounts = answer.status === 201;
  if (answer.status === 201) return true;
  return requester.follow(answer.header("location"), answer.url, `upload to ${repository}`);
}
