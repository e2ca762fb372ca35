import type { VexStatement } from "../../../core/advisory/index.ts";
import { parseManifest, parseReference, type Descriptor } from "../../../core/image/index.ts";
import { readVexText } from "../../../io/feeds/index.ts";
import type { RegistryClient, Repository } from "../../../io/registry/index.ts";
import { collectBytes, isDigest, messageOf, type Digest } from "../../../lib/index.ts";
import type { ReadSubject } from "./read-subject.ts";

/** OpenVEX 0.2.0, as an artifact beside an image. */
const vexType = "application/vnd.openvex+json";
const maxDocuments = 20;
const maxBytes = 16 * 1_048_576;

export interface AttachedVex {
  readonly statements: readonly VexStatement[];
  /** What could not be asked or read: it sets nothing aside. */
  readonly notes: readonly string[];
}

/**
 * What OpenVEX documents say that stand as referrers beside an image in its registry, and beside the base that it names, where that is in the same registry: nobody is asked whom only the image names.
 * image-spec, manifest.md, subject; annotations.md, base.digest.
 */
export async function readAttachedVex(
  { repository, digests, bases }: ReadSubject,
  registries: RegistryClient,
  signal: AbortSignal | undefined,
): Promise<AttachedVex> {
  if (repository === undefined) return { statements: [], notes: [] };
  const statements: VexStatement[] = [];
  const notes: string[] = [];
  const places: [Repository, Digest][] = digests.map((digest) => [repository, digest]);
  for (const { name, digest } of bases) {
    const base = repositoryOfBase(name, repository, registries);
    if (base !== undefined && isDigest(digest)) places.push([base, digest]);
  }
  const seen = new Set<Digest>();
  for (const [place, digest] of places) {
    if (seen.has(digest)) continue;
    seen.add(digest);
    try {
      const found = await place.referrers(digest, vexType, signal);
      for (const descriptor of found.slice(0, maxDocuments)) {
        const said = await readDocument(place, descriptor, signal);
        statements.push(...said.statements);
        notes.push(...said.problems);
      }
    } catch (error) {
      signal?.throwIfAborted();
      notes.push(`VEX beside ${place.registry}/${place.repository} could not be asked for: ${messageOf(error)}`);
    }
  }
  return { statements, notes };
}

async function readDocument(place: Repository, { digest }: Descriptor, signal: AbortSignal | undefined) {
  const raw = await place.manifest(digest, signal);
  const [layer] = raw === undefined ? [] : parseManifest(raw.bytes).layers;
  const what = `${place.registry}/${place.repository}@${digest.slice(0, 19)}`;
  if (layer === undefined) return { statements: [], problems: [`the VEX document ${what} is not there`] };
  const bytes = await collectBytes(place.blob(layer, signal), maxBytes, what);
  return readVexText(new TextDecoder().decode(bytes), what);
}

function repositoryOfBase(name: string, own: Repository, registries: RegistryClient): Repository | undefined {
  try {
    const reference = parseReference(name);
    return reference.registry === own.registry ? registries.repository(reference) : undefined;
  } catch {
    return undefined;
  }
}
