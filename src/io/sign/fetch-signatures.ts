import {
  documentKind,
  manifestLimit,
  mediaTypes,
  parseManifest,
  type Descriptor,
  type ImageSource,
} from "../../core/image/index.ts";
import { simpleSigningType } from "../../core/signature/index.ts";
import { AppError, collectBytes, digestAlgorithm, digestHex, type Digest } from "../../lib/index.ts";

/** Where signatures lie beside the image that they are of: a repository. */
export interface SignatureSource extends ImageSource {
  referrers(digest: Digest, artifactType?: string, signal?: AbortSignal): Promise<readonly Descriptor[]>;
}

/** A signature as it was found: nothing of it is believed yet. */
export type FoundSignature =
  | {
      readonly kind: "simple-signing";
      readonly payload: Uint8Array;
      /** Base64. */
      readonly signature: string;
      /** PEM; what cosign puts beside signatures that an identity made. */
      readonly certificate: string | undefined;
      /** JSON: the log's promise. */
      readonly rekor: string | undefined;
    }
  | { readonly kind: "bundle"; readonly bytes: Uint8Array };

export interface FoundSignatures {
  readonly signatures: readonly FoundSignature[];
  /** What was left unread, one sentence each. */
  readonly problems: readonly string[];
}

const bundlePrefix = "application/vnd.dev.sigstore.bundle";
const signatureArtifacts: ReadonlySet<string> = new Set([
  "",
  mediaTypes.empty,
  "application/vnd.dev.cosign.artifact.sig.v1+json",
  simpleSigningType,
]);
const maxReferrers = 50;
const maxSignatures = 100;
const maxPayload = 65_536;
const maxBundle = 1_048_576;
const maxTotal = 8_388_608;

/** The signatures of `digest`: under the tag that cosign gives them (SIGNATURE_SPEC.md), and among the artifacts that name it. Throws what the source throws for a registry that fails; what is malformed is a problem. */
export async function fetchSignatures(
  source: SignatureSource,
  digest: Digest,
  signal?: AbortSignal,
): Promise<FoundSignatures> {
  const found: FoundSignature[] = [];
  const problems: string[] = [];
  const tag = `${digestAlgorithm(digest)}-${digestHex(digest)}.sig`;
  const tagged = tag.length <= 128 ? [tag] : [];
  const artifacts = (await source.referrers(digest, undefined, signal)).filter(isSignature);
  if (artifacts.length > maxReferrers) problems.push(`only ${maxReferrers} of ${artifacts.length} artifacts were read`);
  let left = maxTotal;
  for (const reference of [...tagged, ...artifacts.slice(0, maxReferrers).map((one) => one.digest)]) {
    try {
      const manifest = await source.manifest(reference, signal);
      if (manifest === undefined) continue;
      for (const layer of parseManifest(manifest.bytes, manifest.mediaType).layers) {
        const limit =
          layer.mediaType === simpleSigningType ? maxPayload : layer.mediaType.startsWith(bundlePrefix) ? maxBundle : 0;
        if (limit === 0) continue;
        left -= layer.size;
        if (layer.size > limit || left < 0 || found.length >= maxSignatures) {
          problems.push(`${reference}: there is more of it than is read`);
          break;
        }
        found.push(describe(layer, await collectBytes(source.blob(layer, signal), limit, `a signature of ${digest}`)));
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof AppError) || error.retry || refusals.has(error.code)) throw error;
      problems.push(`${reference}: ${error.message}`);
    }
  }
  return { signatures: found, problems };
}

/** The registry did not let us look: that says nothing of signatures. */
const refusals: ReadonlySet<string> = new Set(["DENIED", "UNAUTHORIZED", "BUDGET_SPENT", "UNREACHABLE", "INSECURE"]);

/** Where a registry lists no referrers, cosign's own list names its bundles by their empty config: what such an artifact is, its layers say. */
function isSignature({ artifactType = "", mediaType, size }: Descriptor): boolean {
  if (documentKind(mediaType) !== "manifest" || size > manifestLimit) return false;
  return signatureArtifacts.has(artifactType) || artifactType.startsWith(bundlePrefix);
}

function describe({ mediaType, annotations = {} }: Descriptor, bytes: Uint8Array): FoundSignature {
  if (mediaType !== simpleSigningType) return { kind: "bundle", bytes };
  return {
    kind: "simple-signing",
    payload: bytes,
    signature: annotations["dev.cosignproject.cosign/signature"] ?? "",
    certificate: annotations["dev.sigstore.cosign/certificate"],
    rekor: annotations["dev.sigstore.cosign/bundle"],
  };
}
