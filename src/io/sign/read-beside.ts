import {
  documentKind,
  manifestLimit,
  mediaTypes,
  parseManifest,
  type Descriptor,
  type ImageSource,
} from "../../core/image/index.ts";
import { AppError, collectBytes, digestAlgorithm, digestHex, type Digest } from "../../lib/index.ts";

/** Where signatures and attestations lie beside the image that they are of: a repository. */
export interface SignatureSource extends ImageSource {
  referrers(digest: Digest, artifactType?: string, signal?: AbortSignal): Promise<readonly Descriptor[]>;
}

/** What of it is read. */
export interface Wanted {
  /** For messages: `a signature`. */
  readonly what: string;
  /** Of the tag that cosign gives it: `.sig`, `.att`. */
  readonly suffix: string;
  /** Types of artifacts that are of it; bundles, and what does not say its type, are always looked into. */
  readonly artifactTypes: ReadonlySet<string>;
  /** Bytes of a layer that are read at most; 0 for one that is not of it. */
  readonly limitOf: (layer: Descriptor) => number;
  /** Whether a statement of this predicate type is of it, where an artifact's own entry tells: what is of something else is not counted. */
  readonly ofPredicate: (type: string) => boolean;
  /** Artifacts that are read at most; 50 without it. */
  readonly mostArtifacts?: number;
  /** Bytes of all together. */
  readonly total: number;
}

/** What was found, as it was found: nothing of it is believed yet. */
export interface Beside {
  readonly layers: readonly { readonly layer: Descriptor; readonly bytes: Uint8Array }[];
  /** What was left unread, one sentence each. */
  readonly problems: readonly string[];
}

export const bundlePrefix = "application/vnd.dev.sigstore.bundle";
const untyped: ReadonlySet<string> = new Set(["", mediaTypes.empty]);
const maxReferrers = 50;
const maxLayers = 100;
/** The registry did not let us look: that says nothing of what is there. */
const refusals: ReadonlySet<string> = new Set(["DENIED", "UNAUTHORIZED", "BUDGET_SPENT", "UNREACHABLE", "INSECURE"]);

/** What lies beside `digest`: under the tag that cosign gives it (SIGNATURE_SPEC.md), and among the artifacts that name it. Throws what the source throws for a registry that fails; what is malformed is a problem. */
export async function readBeside(
  source: SignatureSource,
  digest: Digest,
  wanted: Wanted,
  signal?: AbortSignal,
): Promise<Beside> {
  const layers: { layer: Descriptor; bytes: Uint8Array }[] = [];
  const problems: string[] = [];
  const tag = `${digestAlgorithm(digest)}-${digestHex(digest)}${wanted.suffix}`;
  const tagged = tag.length <= 128 ? [tag] : [];
  const all = await source.referrers(digest, undefined, signal);
  const artifacts = all.filter((one) => isWanted(one, wanted));
  const most = wanted.mostArtifacts ?? maxReferrers;
  if (artifacts.length > most) problems.push(`only ${most} of ${artifacts.length} artifacts were read`);
  let left = wanted.total;
  for (const reference of [...tagged, ...artifacts.slice(0, most).map((one) => one.digest)]) {
    try {
      const manifest = await source.manifest(reference, signal);
      if (manifest === undefined) continue;
      const parsed = parseManifest(manifest.bytes, manifest.mediaType);
      for (const one of parsed.layers) {
        // Of a bundle the manifest says what it is about, of an envelope in cosign's tag its layer.
        const layer = { ...one, annotations: { ...parsed.annotations, ...one.annotations } };
        const limit = wanted.limitOf(layer);
        if (limit === 0) continue;
        left -= layer.size;
        if (layer.size > limit || left < 0 || layers.length >= maxLayers) {
          problems.push(`${reference}: there is more of it than is read`);
          break;
        }
        layers.push({
          layer,
          bytes: await collectBytes(source.blob(layer, signal), limit, `${wanted.what} of ${digest}`),
        });
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof AppError) || error.retry || refusals.has(error.code)) throw error;
      problems.push(`${reference}: ${error.message}`);
    }
  }
  return { layers, problems };
}

/** Where a registry lists no referrers, cosign's own list names its bundles by their empty config: what such an artifact is, its layers say. */
function isWanted(artifact: Descriptor, { artifactTypes: types, ofPredicate }: Wanted): boolean {
  const { artifactType = "", mediaType, size } = artifact;
  if (documentKind(mediaType) !== "manifest" || size > manifestLimit) return false;
  const predicate = predicateOf(artifact);
  if (predicate !== undefined && !ofPredicate(predicate)) return false;
  return untyped.has(artifactType) || types.has(artifactType) || artifactType.startsWith(bundlePrefix);
}

/** Which type of predicate an artifact or a layer says that it has; undefined where it says none. Nothing vouches for it. */
export function predicateOf({ annotations = {} }: Descriptor): string | undefined {
  return annotations["predicateType"] ?? annotations["dev.sigstore.bundle.predicateType"];
}
