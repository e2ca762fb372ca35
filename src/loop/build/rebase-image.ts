import {
  annotationKeys,
  formatPlatform,
  mediaTypes,
  samePlatform,
  type Descriptor,
  type ImageManifest,
  type ImageSink,
  type ImageSource,
  type Platform,
} from "../../core/image/index.ts";
import {
  addMergeLayer,
  compareBases,
  endsWithMerge,
  findBaseEnd,
  planRebase,
  readBaseHint,
  newest,
  rebaseConfig,
  type BaseChange,
  type BaseHint,
  type PackageStep,
  type Refusal,
  type Treatment,
} from "../../core/rebase/index.ts";
import type { ImageManifests, ImageReader, PlatformImage, PlatformManifest } from "../../io/layer/index.ts";
import { canonicalJson, sha256, type Digest } from "../../lib/index.ts";
import { createMergeLayerPacker, type PackedLayer } from "./merge-layer.ts";
import { pushImage, type PushBlob, type PushManifest } from "./push-image.ts";

/** An image in a place: a tag or digest of a source. */
export interface PlacedImage {
  readonly source: ImageSource;
  readonly reference: string;
}

/** What is to be put on what, and where the result goes. */
export interface RebaseRequest {
  readonly image: PlacedImage;
  /** What the image stands on now; without it the image's annotations say. */
  readonly oldBase?: PlacedImage;
  readonly base: PlacedImage;
  /** What the annotation of the result calls the base, `registry/repository:tag`; as it was without it. */
  readonly baseName?: string;
  /** Undefined for a look at what would be done. */
  readonly sink: ImageSink | undefined;
  /** Repositories of the sink's registry that have layers of the image or of the new base. */
  readonly mountFrom?: readonly string[];
}

export interface RebaserDeps {
  readonly images: ImageReader;
  /** Finds the image that an annotation names; undefined where it is not there any more. */
  readonly findBase: (hint: BaseHint, signal?: AbortSignal) => Promise<PlacedImage | undefined>;
}

/** What became of one platform. */
export interface RebasedPlatform {
  readonly platform: string;
  readonly digest: Digest;
  /** Layers that are the new base's, the application's, and how many bytes the merge layer has. */
  readonly layers: { readonly base: number; readonly application: number; readonly mergeBytes: number };
  readonly treatments: readonly Treatment[];
  readonly packages: readonly PackageStep[];
}

export interface PlatformRefusal extends Refusal {
  readonly platform: string | undefined;
}

export type RebaseOutcome =
  | {
      readonly kind: "rebased";
      readonly digest: Digest;
      readonly from: Digest;
      readonly oldBase: Digest;
      readonly base: Digest;
      readonly platforms: readonly RebasedPlatform[];
      /** Of all blobs and manifests, each once; and of them those that the sink did not have. 0 without a sink. */
      readonly bytes: number;
      readonly uploaded: number;
      readonly notes: readonly string[];
    }
  /** The image stands on that base already. */
  | { readonly kind: "unchanged"; readonly digest: Digest; readonly base: Digest }
  | { readonly kind: "refused"; readonly from: Digest; readonly reasons: readonly PlatformRefusal[] };

/** Puts images on new bases. */
export interface Rebaser {
  /** Decides, and where it is safe writes the rebased image: config, manifest, merge layer; no tag. Throws what reading and writing throw. */
  rebase(request: RebaseRequest, signal?: AbortSignal): Promise<RebaseOutcome>;
}

/** Pairs of bases whose difference is remembered. */
const heldChanges = 32;

/** A rebaser for a fleet: what differs between two bases is looked at once for all images that stand on them. */
export function createRebaser({ images, findBase }: RebaserDeps): Rebaser {
  const pack = createMergeLayerPacker();
  const changes = new Map<string, BaseChange>();
  const bases = new Map<string, Promise<BaseImage>>();

  /** A base with its trees; remembered by its digest. */
  const readBase = async ({ source, reference }: PlacedImage, signal?: AbortSignal): Promise<BaseImage> => {
    const held = bases.get(reference);
    if (held !== undefined) return held;
    const manifests = await images.manifests(source, reference, signal);
    const key = manifests.raw.digest;
    const known = bases.get(key);
    if (known !== undefined) return known;
    const work = images.read(source, key, signal).then(({ platforms }) => ({ digest: key, platforms, source }));
    keep(bases, key, work);
    return work.catch((error: unknown) => {
      bases.delete(key);
      throw error;
    });
  };
  const changeOf = (old: PlatformImage, base: PlatformImage): BaseChange => {
    const key = `${old.manifest.digest} ${base.manifest.digest}`;
    const known = changes.get(key) ?? compareBases(old, base);
    changes.delete(key);
    keep(changes, key, known);
    return known;
  };

  const rebasePlatform = async (
    image: PlatformManifest,
    [old, base]: readonly [PlatformImage, PlatformImage],
    { request, from }: { readonly request: RebaseRequest; readonly from: number },
    named: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<{ kind: "built"; built: BuiltPlatform } | { kind: "refused"; reasons: readonly Refusal[] }> => {
    const { source } = request.image;
    const total = image.parsed.layers.length;
    const hasMerge = endsWithMerge(image.config, from);
    const to = hasMerge ? total - 1 : total;
    const range = { source, image, from };
    const [tree, above, merged] = await Promise.all([
      images.stack(old, { ...range, to: total }, signal),
      images.stack(base, { ...range, to }, signal),
      hasMerge ? images.facts({ ...range, from: to, to: total }, signal) : [],
    ]);
    const splice = { from, leaveLast: hasMerge };
    const draft = rebaseConfig(image.config, old.config, base.config, splice);
    const [last] = merged;
    const plan = planRebase({
      bases: changeOf(old, base),
      image: { tree, config: image.config },
      result: { tree: above, config: draft },
      ...(last === undefined ? {} : { merged: last }),
    });
    if (plan.kind === "refused") return plan;
    const layer = plan.merge === undefined ? undefined : await pack(plan.merge);
    const config = layer === undefined ? draft : addMergeLayer(draft, layer.diffId);
    const push = writeManifest({ image, base, from, to, layer, request, named, config });
    return {
      kind: "built",
      built: {
        push,
        platform: image.platform,
        created: config.created,
        rebased: {
          platform: formatPlatform(image.platform),
          digest: push.digest,
          layers: { base: base.parsed.layers.length, application: to - from, mergeBytes: layer?.bytes.length ?? 0 },
          treatments: plan.treatments,
          packages: plan.packages,
        },
        notes: plan.notes,
      },
    };
  };

  return {
    rebase: async (request, signal) => {
      const { source, reference } = request.image;
      const image = await images.manifests(source, reference, signal);
      const base = await readBase(request.base, signal);
      const refused = (...reasons: readonly PlatformRefusal[]): RebaseOutcome => ({
        kind: "refused",
        from: image.raw.digest,
        reasons,
      });
      const hint = hintOf(image);
      const placed = request.oldBase ?? ((hint.digest ?? hint.name) ? await findBase(hint, signal) : undefined);
      if (placed === undefined)
        return isOn(image, base)
          ? { kind: "unchanged", digest: image.raw.digest, base: base.digest }
          : refused({ code: "base-unknown", platform: undefined, message: unknownBase(hint) });
      const old = await readBase(placed, signal);
      if (old.digest === base.digest) return { kind: "unchanged", digest: image.raw.digest, base: base.digest };

      const named = annotationsFor(request, image, base.digest);
      const built: BuiltPlatform[] = [];
      const reasons: PlatformRefusal[] = [];
      for (const each of image.platforms) {
        const platform = formatPlatform(each.platform);
        const [was, now] = [platformOf(old, each.platform), platformOf(base, each.platform)];
        if (was === undefined || now === undefined) {
          const lacking = now === undefined ? "the new base" : "the old base";
          reasons.push({ code: "platform", platform, message: `${lacking} has no ${platform}` });
          continue;
        }
        const from = findBaseEnd(each.config.rootfs.diff_ids, was.config.rootfs.diff_ids);
        if (from === undefined) {
          if (isOn(image, base)) return { kind: "unchanged", digest: image.raw.digest, base: base.digest };
          const message = `the image does not begin with the layers of ${placed.source.name} ${placed.reference}`;
          reasons.push({ code: "base-unknown", platform, message });
          continue;
        }
        const done = await rebasePlatform(each, [was, now], { request, from }, named, signal);
        if (done.kind === "built") built.push(done.built);
        else reasons.push(...done.reasons.map((reason) => ({ ...reason, platform })));
      }
      if (reasons.length > 0) return refused(...reasons);
      const [first] = built;
      if (first === undefined)
        return refused({ code: "platform", platform: undefined, message: "the image has no platform" });

      const index = image.index === undefined ? undefined : writeIndex(image, built, named);
      const options = {
        ...(signal === undefined ? {} : { signal }),
        ...(request.mountFrom === undefined ? {} : { mountFrom: request.mountFrom }),
      };
      const pushed =
        request.sink === undefined
          ? { bytes: 0, bytesUploaded: 0 }
          : await pushImage(
              built.map(({ push }) => push),
              index,
              request.sink,
              options,
            );
      return {
        kind: "rebased",
        digest: (index ?? first.push).digest,
        from: image.raw.digest,
        oldBase: old.digest,
        base: base.digest,
        platforms: built.map(({ rebased }) => rebased),
        bytes: pushed.bytes,
        uploaded: pushed.bytesUploaded,
        notes: [...new Set(built.flatMap(({ notes }) => notes))],
      };
    },
  };
}

interface BaseImage {
  readonly digest: Digest;
  readonly platforms: readonly PlatformImage[];
  readonly source: ImageSource;
}

interface BuiltPlatform {
  readonly push: PushManifest;
  readonly platform: Platform;
  readonly created: string | undefined;
  readonly rebased: RebasedPlatform;
  readonly notes: readonly string[];
}

function keep<V>(map: Map<string, V>, key: string, value: V): void {
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= heldChanges) break;
    map.delete(oldest);
  }
}

function platformOf({ platforms }: BaseImage, wanted: Platform): PlatformImage | undefined {
  return platforms.find(({ platform }) => samePlatform(platform, wanted));
}

function hintOf({ index, platforms }: ImageManifests): BaseHint {
  return readBaseHint(platforms[0]?.parsed.annotations, index?.annotations);
}

/** Whether every platform begins with the base's layers. */
function isOn(image: ImageManifests, base: BaseImage): boolean {
  return image.platforms.every(({ platform, config }) => {
    const ids = platformOf(base, platform)?.config.rootfs.diff_ids;
    return ids !== undefined && findBaseEnd(config.rootfs.diff_ids, ids) !== undefined;
  });
}

function unknownBase({ digest, name }: BaseHint): string {
  if (digest === undefined && name === undefined) return "the image does not say what it stands on";
  return `the image stands on ${[name, digest].filter((part) => part !== undefined).join(" ")}, which is not there any more`;
}

/** The annotations that name the base; an index and its manifests say the same. */
function annotationsFor(
  { baseName }: RebaseRequest,
  image: ImageManifests,
  base: Digest,
): Readonly<Record<string, string>> {
  const name = baseName ?? hintOf(image).name;
  return { ...(name === undefined ? {} : { [annotationKeys.baseName]: name }), [annotationKeys.baseDigest]: base };
}

/** A time that stood among the annotations goes with that of the config. */
function annotate(
  given: Readonly<Record<string, string>> | undefined,
  named: Readonly<Record<string, string>>,
  created: string | undefined,
): Readonly<Record<string, string>> {
  const hasTime = given?.[annotationKeys.created] !== undefined && created !== undefined;
  return { ...given, ...named, ...(hasTime ? { [annotationKeys.created]: created } : {}) };
}

interface Written {
  readonly image: PlatformManifest;
  readonly base: PlatformImage;
  readonly from: number;
  readonly to: number;
  readonly layer: PackedLayer | undefined;
  readonly request: RebaseRequest;
  readonly named: Readonly<Record<string, string>>;
  readonly config: PlatformManifest["config"];
}

/** Config and manifest of one platform, with all that they name. The format is the image's: what Docker built stays Docker's, where the layers allow. */
function writeManifest({ image, base, from, to, layer, request, named, config }: Written): PushManifest {
  const below = base.parsed.layers;
  const own = image.parsed.layers.slice(from, to);
  const last = layer === undefined ? [] : [layer.descriptor];
  const isDocker =
    image.parsed.mediaType === mediaTypes.dockerManifest &&
    [...below, ...own].every(({ mediaType }) => gzipTypes.has(mediaType));
  const layers = [...below, ...own, ...last].map((each) => ({
    ...each,
    mediaType: layerType(each.mediaType, isDocker),
  }));
  const bytes = Buffer.from(canonicalJson(config), "utf8");
  const mediaType = isDocker ? mediaTypes.dockerConfig : mediaTypes.config;
  const described: Descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
  const { config: _, layers: __, mediaType: ___, annotations, ...rest } = image.parsed;
  const manifest: ImageManifest = {
    ...rest,
    schemaVersion: 2,
    mediaType: isDocker ? mediaTypes.dockerManifest : mediaTypes.manifest,
    config: described,
    layers,
    annotations: annotate(annotations, named, config.created),
  };
  const raw = Buffer.from(canonicalJson(manifest), "utf8");
  const blobs: PushBlob[] = [{ descriptor: described, open: () => once(bytes), isNew: true }];
  const at = (source: ImageSource, from: readonly Descriptor[]): PushBlob[] =>
    from.map((descriptor) => ({ descriptor, open: () => source.blob(descriptor) }));
  blobs.push(...at(request.base.source, below), ...at(request.image.source, own));
  if (layer !== undefined) blobs.push({ descriptor: layer.descriptor, open: () => once(layer.bytes), isNew: true });
  return { digest: sha256(raw), mediaType: manifest.mediaType, bytes: raw, blobs };
}

const gzipTypes: ReadonlySet<string> = new Set([mediaTypes.dockerLayerGzip, mediaTypes.layerGzip]);

function layerType(mediaType: string, isDocker: boolean): string {
  if (!gzipTypes.has(mediaType)) return mediaType;
  return isDocker ? mediaTypes.dockerLayerGzip : mediaTypes.layerGzip;
}

/** The index over the rebased platforms, in their order. Attestations of the image are about other digests, and are left out. */
function writeIndex(
  { index, raw }: ImageManifests,
  built: readonly BuiltPlatform[],
  named: Readonly<Record<string, string>>,
): Omit<PushManifest, "blobs"> {
  const manifests = built.map(({ push, platform }) => ({
    mediaType: push.mediaType,
    digest: push.digest,
    size: push.bytes.byteLength,
    platform,
  }));
  const created = built.map((each) => each.created).reduce(newest, undefined);
  const isDocker = manifests.every(({ mediaType }) => mediaType === mediaTypes.dockerManifest);
  const mediaType = isDocker ? raw.mediaType : mediaTypes.index;
  const bytes = Buffer.from(
    canonicalJson({
      ...index,
      schemaVersion: 2,
      mediaType,
      manifests,
      annotations: annotate(index?.annotations, named, created),
    }),
    "utf8",
  );
  return { digest: sha256(bytes), mediaType, bytes };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
