import {
  mediaTypes,
  parseManifest,
  type Descriptor,
  type ImageSink,
  type RawManifest,
} from "../../core/image/index.ts";
import {
  bundleType,
  refuseSimpleSigning,
  simpleSigningType,
  verifySimpleSigning,
  type TrustedKey,
} from "../../core/signature/index.ts";
import { AppError, digestAlgorithm, digestHex, sha256, type Clock, type Digest } from "../../lib/index.ts";
import { SignError } from "./error.ts";
import type { SignatureSource } from "./read-beside.ts";

/** Where evidence is put beside an image: a repository. */
export interface EvidencePlace extends SignatureSource, ImageSink {
  readonly name: string;
  resolve(reference: string, signal?: AbortSignal): Promise<Descriptor | undefined>;
  putReferrer(manifest: RawManifest, signal?: AbortSignal): Promise<void>;
  tag(
    digest: Digest,
    tag: string,
    options?: { readonly ifMatch?: Digest | "absent"; readonly signal?: AbortSignal },
  ): Promise<void>;
}

const emptyConfig = Buffer.from("{}");
const mostWrites = 60;

/** The artifact that carries a bundle: the same bundle about the same subject gives the same bytes. cosign, its own bundles as OCI 1.1 referrers. */
export function bundleArtifact(subject: Descriptor, bundle: Uint8Array, predicateType: string): RawManifest {
  const { mediaType, digest, size } = subject;
  return rawManifest({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: bundleType,
    config: { mediaType: mediaTypes.empty, digest: sha256(emptyConfig), size: emptyConfig.length },
    layers: [{ mediaType: bundleType, digest: sha256(bundle), size: bundle.length }],
    subject: { mediaType, digest, size },
    annotations: {
      "dev.sigstore.bundle.content": "dsse-envelope",
      "dev.sigstore.bundle.predicateType": predicateType,
    },
  });
}

/** Puts a bundle beside `subject`, among its referrers, also where the registry has no API for them; again is the same. Gives the artifact's digest. Throws what the place throws. */
export async function attachBundle(
  place: EvidencePlace,
  subject: Descriptor,
  bundle: Uint8Array,
  predicateType: string,
  signal?: AbortSignal,
): Promise<Digest> {
  await put(place, emptyConfig, mediaTypes.empty, signal);
  await put(place, bundle, bundleType, signal);
  const manifest = bundleArtifact(subject, bundle, predicateType);
  await place.putReferrer(manifest, signal);
  return manifest.digest;
}

/** A payload of simple signing with its signature. */
export interface ClassicSignature {
  readonly payload: Uint8Array;
  /** Base64. */
  readonly signature: string;
}

interface SigLayer extends Descriptor {
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Puts a signature under the tag where cosign has always looked for it, beside those that are there. One by the same key over the same payload is enough. Others may write at the same time: we come back until
 * ours has stood still. Resolves to whether it was put there now. Throws LOST_UPDATE where they keep undoing it, and what the place throws. cosign, specs/SIGNATURE_SPEC.md.
 */
export async function attachClassic(
  place: EvidencePlace,
  digest: Digest,
  { payload, signature }: ClassicSignature,
  key: TrustedKey,
  pacing: { readonly clock: Clock; readonly random: () => number },
  signal?: AbortSignal,
): Promise<boolean> {
  const tag = `${digestAlgorithm(digest)}-${digestHex(digest)}.sig`;
  const own: SigLayer = {
    ...(await put(place, payload, simpleSigningType, signal)),
    annotations: { "dev.cosignproject.cosign/signature": signature },
  };
  let seen = 0;
  let slowest = 50;
  let wrote = false;
  for (let turn = 0; turn < mostWrites; turn += 1) {
    const began = pacing.clock.now();
    const current = await place.manifest(tag, signal);
    const layers = current === undefined ? [] : layersOf(current);
    if (hasSignature(layers, own, payload, key)) {
      // One that was there before we came nobody is about to undo with an older list.
      if (!wrote || ++seen > 2) return wrote;
    } else {
      seen = 0;
      wrote = true;
      await writeList(place, [...layers, own], tag, current?.digest, signal);
    }
    slowest = Math.max(slowest, pacing.clock.now() - began);
    await pacing.clock.sleep(slowest * (1 + 2 * pacing.random()), signal);
  }
  throw new SignError("LOST_UPDATE", `${place.name}: other writers keep undoing our signature of ${digest}`, {
    retry: true,
  });
}

/** What is no list of signatures holds none: ours begins a new one. */
function layersOf({ bytes, mediaType }: RawManifest): readonly SigLayer[] {
  try {
    return parseManifest(bytes, mediaType).layers;
  } catch (error) {
    if (error instanceof AppError) return [];
    throw error;
  }
}

function hasSignature(layers: readonly SigLayer[], own: SigLayer, payload: Uint8Array, key: TrustedKey): boolean {
  return layers.some(({ digest, annotations = {} }) => {
    const signature = annotations["dev.cosignproject.cosign/signature"];
    if (digest !== own.digest || signature === undefined) return false;
    if (signature === own.annotations?.["dev.cosignproject.cosign/signature"]) return true;
    const about = aboutOf(payload);
    return about !== undefined && verifySimpleSigning(payload, signature, [key], about).kind === "verified";
  });
}

/** What a payload of ours is about, so that it can be verified as anybody would. */
function aboutOf(payload: Uint8Array): { readonly digest: Digest; readonly names: readonly string[] } | undefined {
  const { critical } = JSON.parse(Buffer.from(payload).toString()) as {
    critical: { identity: { "docker-reference": string }; image: { "docker-manifest-digest": Digest } };
  };
  const about = { digest: critical.image["docker-manifest-digest"], names: [critical.identity["docker-reference"]] };
  return refuseSimpleSigning(payload, about) === undefined ? about : undefined;
}

async function writeList(
  place: EvidencePlace,
  layers: readonly SigLayer[],
  tag: string,
  current: Digest | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const config = Buffer.from(
    JSON.stringify({
      architecture: "",
      os: "",
      config: {},
      rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
    }),
  );
  const manifest = rawManifest({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: await put(place, config, mediaTypes.config, signal),
    layers,
  });
  try {
    await place.putManifest(manifest, undefined, signal);
    await place.tag(manifest.digest, tag, {
      ifMatch: current ?? "absent",
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    // Somebody was quicker, or an entry of theirs is not there yet: the next turn reads again.
    const lost = error instanceof AppError && (error.code === "TAG_MOVED" || error.code === "BLOB_UNKNOWN");
    if (!lost) throw error;
  }
}

async function put(
  place: EvidencePlace,
  bytes: Uint8Array,
  mediaType: string,
  signal: AbortSignal | undefined,
): Promise<Descriptor> {
  const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
  await place.putBlob(descriptor, () => only(bytes), signal === undefined ? {} : { signal });
  return descriptor;
}

function rawManifest(document: object): RawManifest {
  const bytes = Buffer.from(JSON.stringify(document));
  return { digest: sha256(bytes), mediaType: mediaTypes.manifest, bytes };
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
