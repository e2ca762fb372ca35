import { mediaTypes, parseIndex, parseDocument, type Descriptor, type RawManifest } from "../../../core/image/index.ts";
import { digestAlgorithm, digestHex, sha256, type Clock, type Digest } from "../../../lib/index.ts";
import { RegistryError } from "../error.ts";
import { fetchManifest, sendManifest, type Place } from "./manifests.ts";
import { nextPage } from "./tags.ts";

const pageLimit = 8 * 1024 * 1024;
const maxPages = 100;
const maxMerges = 60;

/** The artifacts that name `subject`, by the API or by the fallback tag. distribution-spec 1.1, Listing Referrers. */
export async function fetchReferrers(
  place: Place,
  subject: Digest,
  artifactType: string | undefined,
  signal?: AbortSignal,
): Promise<readonly Descriptor[]> {
  const listed =
    place.habits.referrers === false ? undefined : await askReferrers(place, subject, artifactType, signal);
  const found = listed ?? (await fetchFallback(place, subject, signal)).manifests;
  return artifactType === undefined ? found : found.filter((each) => each.artifactType === artifactType);
}

/** Sends a manifest that names a subject, and sees to it that the subject's list shows it. distribution-spec 1.1, Pushing Manifests with Subject. */
export async function sendReferrer(
  place: Place,
  manifest: RawManifest,
  pacing: { readonly clock: Clock; readonly random: () => number },
  options: { tag?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const document = parseDocument(manifest);
  const { subject } = document.kind === "manifest" ? document.manifest : document.index;
  const { subjectNoted } = await sendManifest(place, manifest, options);
  if (subject === undefined || subjectNoted) return;
  await mergeIntoFallback(place, subject.digest, describeReferrer(manifest), pacing, options.signal);
}

async function askReferrers(
  place: Place,
  subject: Digest,
  artifactType: string | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[] | undefined> {
  const filter = artifactType === undefined ? "" : `?artifactType=${encodeURIComponent(artifactType)}`;
  let to: string | URL | undefined = `/v2/${place.repository}/referrers/${subject}${filter}`;
  const found: Descriptor[] = [];
  for (let page = 0; to !== undefined; page++) {
    if (page >= maxPages)
      throw new RegistryError("BAD_ANSWER", `${subject} has more than ${maxPages} pages of referrers`);
    const what = `referrers of ${subject} in ${place.registry}/${place.repository}`;
    const answer = await place.requester.ask({
      method: "GET",
      to,
      scopes: [`repository:${place.repository}:pull`],
      headers: { accept: mediaTypes.index },
      signal,
      expect: [200, 400, 404, 405, 501],
      what,
    });
    const mediaType = answer.header("content-type")?.split(";")[0]?.trim();
    if (answer.status !== 200 || mediaType !== mediaTypes.index) {
      await answer.drain();
      if (answer.status === 404) place.habits.referrers = false;
      return undefined;
    }
    found.push(...parseIndex(await answer.bytes(pageLimit, what), mediaTypes.index).manifests);
    to = nextPage(place, answer, what);
  }
  place.habits.referrers = true;
  return found;
}

/** distribution-spec 1.1, Referrers Tag Schema. */
function fallbackTag(subject: Digest): string {
  return `${digestAlgorithm(subject)}-${digestHex(subject).slice(0, 64)}`;
}

async function fetchFallback(
  place: Place,
  subject: Digest,
  signal: AbortSignal | undefined,
): Promise<{ readonly manifests: readonly Descriptor[]; readonly digest: Digest | undefined }> {
  const held = await fetchManifest(place, fallbackTag(subject), signal);
  if (held === undefined) return { manifests: [], digest: undefined };
  return { manifests: parseIndex(held.bytes, held.mediaType).manifests, digest: held.digest };
}

/**
 * Adds an entry to the fallback tag. Such registries have no compare-and-set, so that another writer may undo our entry
 * after we saw it: we come back until it has stood still for longer than any writer needs between reading and writing.
 */
async function mergeIntoFallback(
  place: Place,
  subject: Digest,
  entry: Descriptor,
  pacing: { readonly clock: Clock; readonly random: () => number },
  signal: AbortSignal | undefined,
): Promise<void> {
  const { clock, random } = pacing;
  let slowest = 50;
  let seen = 0;
  for (let turn = 0; turn < maxMerges; turn++) {
    const began = clock.now();
    const current = await fetchFallback(place, subject, signal);
    const present = current.manifests.some(({ digest }) => digest === entry.digest);
    if (present) {
      if (++seen > 2) return;
    } else {
      seen = 0;
      await writeFallback(place, subject, current, entry, signal);
    }
    slowest = Math.max(slowest, clock.now() - began);
    await clock.sleep(slowest * (2 + 2 * random()), signal);
  }
  throw new RegistryError(
    "LOST_UPDATE",
    `${place.registry}/${place.repository}: other writers keep undoing our entry among the referrers of ${subject}`,
    {
      retry: true,
    },
  );
}

async function writeFallback(
  place: Place,
  subject: Digest,
  current: { readonly manifests: readonly Descriptor[]; readonly digest: Digest | undefined },
  entry: Descriptor,
  signal: AbortSignal | undefined,
): Promise<void> {
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [...current.manifests, entry] };
  const bytes = Buffer.from(JSON.stringify(index));
  const manifest = { digest: sha256(bytes), mediaType: mediaTypes.index, bytes };
  try {
    await sendManifest(place, manifest, { tag: fallbackTag(subject), condition: current.digest ?? "absent", signal });
  } catch (error) {
    // Someone was quicker, or an entry of someone else's is not there yet: the next turn reads again.
    const lost = error instanceof RegistryError && (error.code === "TAG_MOVED" || error.code === "BLOB_UNKNOWN");
    if (!lost) throw error;
  }
}

function describeReferrer(manifest: RawManifest): Descriptor {
  const document = parseDocument(manifest);
  const { artifactType, annotations } = document.kind === "manifest" ? document.manifest : document.index;
  const type = artifactType ?? (document.kind === "manifest" ? document.manifest.config.mediaType : undefined);
  return {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.byteLength,
    ...(type === undefined ? {} : { artifactType: type }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}
