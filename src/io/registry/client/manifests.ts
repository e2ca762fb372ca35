import { createHash } from "node:crypto";
import {
  isRepositoryName,
  isTag,
  manifestBlobs,
  manifestLimit,
  mediaTypes,
  parseDocument,
  documentKind,
  type Descriptor,
  type ImageDocument,
  type RawManifest,
} from "../../../core/image/index.ts";
import { digestAlgorithm, isDigest, sha256, type Digest } from "../../../lib/index.ts";
import { RegistryError } from "../error.ts";
import { pushScope, type RegistryHabits } from "./blob-upload.ts";
import type { KnownContent } from "./known-content.ts";
import { explain, type Ask, type Requester } from "./requester.ts";
import type { Answer } from "./transport.ts";

/** One repository of one registry, for the files of this folder. */
export interface Place {
  readonly requester: Requester;
  readonly habits: RegistryHabits;
  readonly known: KnownContent;
  /** Host and port, for messages. */
  readonly registry: string;
  readonly repository: string;
}

/** What a tag must name for a change to be made: a digest, nothing (`absent`), or anything (undefined). */
export type TagCondition = Digest | "absent" | undefined;

const generalTypes: ReadonlySet<string> = new Set(["", "application/json", "application/octet-stream", "text/plain"]);

const accept = [mediaTypes.manifest, mediaTypes.index, mediaTypes.dockerManifest, mediaTypes.dockerIndex].join(", ");

/** The manifest that a tag or digest names, checked; undefined where there is none. distribution-spec 1.1, Pulling manifests. */
export async function fetchManifest(
  place: Place,
  reference: string,
  signal?: AbortSignal,
): Promise<RawManifest | undefined> {
  if (isDigest(reference)) {
    const held = place.known.manifest(place.repository, reference);
    if (held !== undefined) return held;
  }
  const answer = await askManifest(place, "GET", reference, { signal });
  return answer.status === 404 ? undefined : receiveManifest(place, reference, answer);
}

/** The manifest in an answer to a GET of `reference`, checked. */
export async function receiveManifest(place: Place, reference: string, answer: Answer): Promise<RawManifest> {
  const what = `${place.registry}/${place.repository} ${reference}`;
  const bytes = await answer.bytes(manifestLimit, `the manifest of ${what}`);
  const wanted = isDigest(reference) ? reference : undefined;
  const digest = checkDigest(bytes, wanted, answer, what);
  const mediaType = answer.header("content-type")?.split(";")[0]?.trim() ?? "";
  // Some registries and every static file server send manifests under a general type; then the document must say.
  const document = parseDocument({ bytes, ...(generalTypes.has(mediaType) ? {} : { mediaType }) });
  const settled = document.kind === "manifest" ? document.manifest.mediaType : document.index.mediaType;
  const manifest: RawManifest = { digest, mediaType: settled, bytes };
  learn(place, manifest, document);
  return manifest;
}

/** What a tag or digest names now, by HEAD; undefined where there is nothing. */
export async function resolveReference(
  place: Place,
  reference: string,
  signal?: AbortSignal,
): Promise<Descriptor | undefined> {
  const answer = await askManifest(place, "HEAD", reference, { signal });
  void answer.drain();
  if (answer.status === 404) return undefined;
  const described = describeHead(place, reference, answer);
  if (described !== undefined) return described;
  const manifest = await fetchManifest(place, reference, signal);
  return manifest && { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.byteLength };
}

/** What the head of an answer says of a manifest; undefined where it does not say enough. */
export function describeHead(place: Place, reference: string, answer: Answer): Descriptor | undefined {
  const digest = answer.header("docker-content-digest");
  const size = Number(answer.header("content-length") ?? Number.NaN);
  const mediaType = answer.header("content-type")?.split(";")[0]?.trim() ?? "";
  if (digest !== undefined && isDigest(digest) && Number.isSafeInteger(size) && documentKind(mediaType) !== undefined) {
    if (isDigest(reference) && digest !== reference && digestAlgorithm(digest) === digestAlgorithm(reference)) {
      throw wrongBytes(`${place.registry}/${place.repository} ${reference}`);
    }
    return { mediaType, digest: isDigest(reference) ? reference : digest, size };
  }
  return undefined;
}

/** Sends a manifest; resolves to whether the registry took note of its subject. Throws TAG_MOVED where `condition` does not hold. distribution-spec 1.1, Pushing Manifests. */
export async function sendManifest(
  place: Place,
  manifest: RawManifest,
  options: { tag?: string | undefined; condition?: TagCondition; signal?: AbortSignal | undefined } = {},
): Promise<{ readonly subjectNoted: boolean }> {
  const { tag, condition, signal } = options;
  const { repository } = place;
  const what = `push of ${manifest.digest} to ${place.registry}/${repository}${tag === undefined ? "" : `:${tag}`}`;
  if (hashOf(manifest.bytes, manifest.digest) !== manifest.digest) throw wrongBytes(what);
  if (tag !== undefined && !isTag(tag)) throw new RegistryError("REJECTED", `"${tag.slice(0, 140)}" is not a tag`);
  let answer: Answer;
  try {
    answer = await place.requester.ask({
      method: "PUT",
      to: `/v2/${repository}/manifests/${tag ?? manifest.digest}`,
      scopes: [pushScope(repository)],
      headers: { "content-type": manifest.mediaType, ...conditionHeaders(condition) },
      body: manifest.bytes,
      signal,
      expect: [200, 201, 202, 204, 404, 412],
      what,
    });
    if (answer.status === 412 && tag !== undefined) {
      // A repetition finds the tag where the first try, whose answer was lost, has put it.
      if ((await resolveReference(place, tag, signal))?.digest !== manifest.digest) throw await explain(answer, what);
    } else if (answer.status === 404) throw await explain(answer, what);
  } catch (error) {
    if (error instanceof RegistryError && error.code === "BLOB_UNKNOWN") place.known.forget(repository);
    throw error;
  }
  void answer.drain();
  noteHabits(place, answer);
  const stored = answer.header("docker-content-digest");
  if (stored !== undefined && stored !== manifest.digest && stored.startsWith(digestAlgorithm(manifest.digest))) {
    throw wrongBytes(what);
  }
  place.known.keep(repository, manifest);
  place.known.add(repository, [manifest.digest]);
  return { subjectNoted: answer.header("oci-subject") !== undefined };
}

/** Points a tag at a digest that the repository holds. Throws NOT_FOUND, or TAG_MOVED where `condition` does not hold. */
export async function moveTag(
  place: Place,
  digest: Digest,
  tag: string,
  condition: TagCondition,
  signal?: AbortSignal,
): Promise<void> {
  if (condition !== undefined && !place.habits.conditionalTags) await checkTag(place, tag, condition, digest, signal);
  const manifest = await fetchManifest(place, digest, signal);
  if (manifest === undefined) {
    throw new RegistryError("NOT_FOUND", `${place.registry}/${place.repository} has no ${digest}`);
  }
  await sendManifest(place, manifest, { tag, condition, signal });
}

/** Removes what a tag or digest names; false where there was nothing. distribution-spec 1.1, Deleting. */
export async function deleteManifest(place: Place, reference: string, signal?: AbortSignal): Promise<boolean> {
  const answer = await place.requester.ask({
    method: "DELETE",
    to: `/v2/${place.repository}/manifests/${checkReference(reference)}`,
    scopes: [`repository:${place.repository}:delete,pull,push`],
    signal,
    expect: [200, 202, 204, 404],
    what: `removal of ${place.registry}/${place.repository} ${reference}`,
  });
  void answer.drain();
  if (isDigest(reference)) place.known.remove(place.repository, reference);
  return answer.status !== 404;
}

/** The digest that `bytes` have by the algorithm of `like`. */
export function hashOf(bytes: Uint8Array, like: Digest): string {
  const algorithm = digestAlgorithm(like);
  return algorithm === "sha256" ? sha256(bytes) : `sha512:${createHash("sha512").update(bytes).digest("hex")}`;
}

/** Throws where `name` may not stand in a path of the API. */
export function checkRepository(name: string): string {
  if (isRepositoryName(name)) return name;
  throw new RegistryError("REJECTED", `"${name.slice(0, 100)}" is not a repository's name`);
}

function checkReference(reference: string): string {
  if (isTag(reference) || isDigest(reference)) return reference;
  throw new RegistryError("REJECTED", `"${reference.slice(0, 140)}" is neither a tag nor a digest`);
}

/** Asks for a manifest, or its head: 200, 404, and what else `options.expect` names. The body of a 404 is read. */
export async function askManifest(
  place: Place,
  method: "GET" | "HEAD",
  reference: string,
  options: Partial<Pick<Ask, "headers" | "signal" | "waits" | "expect">> = {},
): Promise<Answer> {
  const { headers = {}, expect = [], ...rest } = options;
  const answer = await place.requester.ask({
    method,
    to: `/v2/${place.repository}/manifests/${checkReference(reference)}`,
    scopes: [`repository:${place.repository}:pull`],
    headers: { accept, ...headers },
    expect: [200, 404, ...expect],
    ...rest,
    what: `pull of ${place.registry}/${place.repository} ${reference}`,
  });
  noteHabits(place, answer);
  if (answer.status === 404) void answer.drain();
  return answer;
}

/** On a registry that knows no If-Match, looking first is the best that can be had. */
async function checkTag(
  place: Place,
  tag: string,
  condition: Digest | "absent",
  target: Digest,
  signal: AbortSignal | undefined,
): Promise<void> {
  const current = (await resolveReference(place, tag, signal))?.digest;
  if (current === target || current === (condition === "absent" ? undefined : condition)) return;
  throw new RegistryError(
    "TAG_MOVED",
    `${place.registry}/${place.repository}:${tag} names ${current ?? "nothing"}, not ${condition}`,
    {
      hint: "Someone else moved the tag.",
    },
  );
}

function conditionHeaders(condition: TagCondition): Readonly<Record<string, string>> {
  if (condition === undefined) return {};
  return condition === "absent" ? { "if-none-match": "*" } : { "if-match": `"${condition}"` };
}

function noteHabits(place: Place, answer: Answer): void {
  if (answer.header("tidemill-conditional-tags") !== undefined) place.habits.conditionalTags = true;
}

/** The digest of what came, if it is the one asked for and the one announced. */
function checkDigest(bytes: Buffer, wanted: Digest | undefined, answer: Answer, what: string): Digest {
  const said = answer.header("docker-content-digest");
  if (said !== undefined && !(isDigest(said) && hashOf(bytes, said) === said)) throw wrongBytes(what);
  if (wanted !== undefined && hashOf(bytes, wanted) !== wanted) throw wrongBytes(what);
  return wanted ?? (said !== undefined && isDigest(said) ? said : sha256(bytes));
}

/** A registry that serves a manifest has its blobs. */
function learn(place: Place, manifest: RawManifest, document: ImageDocument): void {
  const { known, repository } = place;
  known.keep(repository, manifest);
  const named = document.kind === "manifest" ? manifestBlobs(document.manifest) : document.index.manifests;
  known.add(repository, [manifest.digest, ...named.map(({ digest }) => digest)]);
}

function wrongBytes(what: string): RegistryError {
  return new RegistryError("WRONG_BYTES", `${what}: the bytes have another digest than was said`, {
    hint: "The registry, or something before it, serves altered bytes.",
  });
}
