import {
  formatPlatform,
  manifestBlobs,
  parseDocument,
  samePlatform,
  type Descriptor,
  type ImageIndex,
  type RawManifest,
} from "../../../core/image/index.ts";
import { addLayer, laterOf, patchDockerfile, patchIndex, type PatchedPlatform } from "../../../core/patch/index.ts";
import type { PlatformImage } from "../../../io/layer/index.ts";
import { createLayerRecords } from "../layer-records.ts";
import { createdOf } from "../lay-out-image.ts";
import { createPackageCache } from "../package-cache.ts";
import { pushImage, type PushBlob, type PushManifest } from "../push-image.ts";
import { createPartReader } from "../read-layer-parts.ts";
import { makePatchLayer, type LayerTools } from "./make-layer.ts";
import { mirrorImage } from "./mirror-image.ts";
import { planPlatform, type OriginalPlatform, type PlannedPlatform } from "./plan-platform.ts";
import { PatchError, provePatch, provePlanned } from "./prove-patch.ts";
import type { EnginePatch, PatchChange, Patcher, PatcherDeps, PatchOutcome, PatchRequest } from "./types.ts";

const maxPlatforms = 32;

/** A patcher over `deps`. */
export function createPatcher(deps: PatcherDeps): Patcher {
  const cache = createPackageCache(deps.cacheDir, (record) => deps.fetchPackage(record));
  const tools: LayerTools = { cache, records: createLayerRecords(deps.cacheDir), reader: createPartReader() };

  return {
    patchImage: async (request, signal) => {
      const { index, platforms } = await openOriginal(request, deps, signal);
      const planned: PlannedPlatform[] = [];
      for (const each of platforms) planned.push(await planPlatform(each, request, deps, cache, signal));
      const decided = decide(request, planned);
      if (decided !== undefined) return decided;
      const notes = notesOf(planned);
      if (planned.every(({ plan }) => plan.kind === "nothing")) {
        const { digest, uploaded } = await mirrorImage(request, signal);
        return { kind: "mirrored", digest, changes: [], notes, bytes: undefined, uploaded };
      }
      const patched: { readonly planned: PlannedPlatform; readonly push: PushManifest }[] = [];
      for (const each of planned)
        patched.push({ planned: each, push: await patchPlatform(tools, request, each, signal) });
      const top = index === undefined ? undefined : indexOf(index, patched, request);
      const pushed = await pushImage(
        patched.map(({ push }) => push),
        top,
        request.sink,
        signal === undefined ? {} : { signal },
      );
      const changes: PatchChange[] = [];
      for (const { planned: each, push } of patched) {
        const read = await deps.images.read(request.sink, push.digest, signal);
        for (const image of read.platforms) changes.push(...provePlanned(each, image));
      }
      const digest = top?.digest ?? patched[0]?.push.digest ?? request.digest;
      return { kind: "patched", digest, changes, notes, bytes: pushed.bytes, uploaded: pushed.bytesUploaded };
    },
    proveBuilt: async (request, platforms, digest, signal) => {
      const built = (await deps.images.read(request.sink, digest, signal)).platforms;
      const changes: PatchChange[] = [];
      for (const { platform, digest: original, swaps } of platforms) {
        const image = built.find((each) => samePlatform(each.platform, platform));
        const [before] = (await deps.images.read(request.source, original, signal)).platforms;
        if (image === undefined || before === undefined)
          throw new PatchError("PATCH_NOT_PROVEN", `what was built has nothing for ${formatPlatform(platform)}`);
        changes.push(...provePatch({ before: { ...before, platform }, swaps }, image));
      }
      return changes;
    },
  };
}

/** The platforms that are asked for, read; and the index, where what comes out is one too. */
async function openOriginal(
  { source, digest, platforms: wanted }: PatchRequest,
  { images }: PatcherDeps,
  signal: AbortSignal | undefined,
): Promise<{ readonly index: ImageIndex | undefined; readonly platforms: readonly OriginalPlatform[] }> {
  const raw = await source.manifest(digest, signal);
  const document = raw === undefined ? undefined : parseDocument(raw);
  const read = async (reference: string): Promise<PlatformImage[]> => [
    ...(await images.read(source, reference, signal)).platforms,
  ];
  if (document?.kind !== "index") {
    const platforms = (await read(digest)).map((image) => ({ descriptor: undefined, source, image }));
    return { index: undefined, platforms };
  }
  const runnable = document.index.manifests.filter(isRunnable);
  const chosen =
    wanted === undefined
      ? runnable
      : wanted.map((platform) => {
          const found = runnable.find((each) => each.platform !== undefined && samePlatform(each.platform, platform));
          if (found !== undefined) return found;
          throw new PatchError("NO_PLATFORM", `${source.name} has nothing for ${formatPlatform(platform)}`, {
            hint: `It has ${runnable.flatMap((each) => (each.platform === undefined ? [] : formatPlatform(each.platform))).join(", ") || "no platforms"}.`,
          });
        });
  if (chosen.length === 0 || chosen.length > maxPlatforms)
    throw new PatchError(
      "NO_PLATFORM",
      `${source.name}: its index names ${chosen.length} images; 1 to ${maxPlatforms} can be patched`,
    );
  const platforms: OriginalPlatform[] = [];
  for (const descriptor of chosen)
    for (const image of await read(descriptor.digest)) {
      const { platform = image.platform } = descriptor;
      platforms.push({ descriptor, source, image: { ...image, platform } });
    }
  return { index: wanted !== undefined && platforms.length === 1 ? undefined : document.index, platforms };
}

/** Attestations ride in indexes as manifests of platform `unknown/unknown`. */
function isRunnable({ platform, artifactType }: Descriptor): boolean {
  return artifactType === undefined && (platform === undefined || formatPlatform(platform) !== "unknown/unknown");
}

/** The outcome where nothing is to be pushed: one platform that cannot be patched refuses the whole, one that needs an engine gives the whole to it. */
function decide(request: PatchRequest, planned: readonly PlannedPlatform[]): PatchOutcome | undefined {
  const reasons = planned.flatMap(({ plan, image }) =>
    plan.kind === "refused" ? plan.reasons.map((reason) => `${formatPlatform(image.platform)}: ${reason}`) : [],
  );
  if (reasons.length > 0) return { kind: "refused", reasons };
  if (!planned.some(({ plan }) => plan.kind === "engine")) return undefined;
  const platforms = planned.flatMap(({ plan, image }): EnginePatch[] => {
    if (plan.kind !== "engine" && plan.kind !== "native") return [];
    const { swaps } = plan;
    const dockerfile = patchDockerfile({
      repository: request.name,
      digest: image.manifest.digest,
      manager: "apt",
      packages: swaps.map(({ name, to }) => ({ name, version: to })),
      user: image.config.config?.User,
    });
    const needs = plan.kind === "engine" ? plan.needs : [];
    return [{ platform: image.platform, digest: image.manifest.digest, swaps, needs, dockerfile }];
  });
  return { kind: "needs-engine", platforms, notes: notesOf(planned) };
}

function notesOf(planned: readonly PlannedPlatform[]): string[] {
  return planned.flatMap(({ plan, image }) =>
    plan.kind === "refused" ? [] : plan.notes.map((note) => `${formatPlatform(image.platform)}: ${note}`),
  );
}

/** The manifest of one platform with what it names: the original's own where nothing of it changes. */
async function patchPlatform(
  tools: LayerTools,
  request: PatchRequest,
  { image, source, plan, original, loaded }: PlannedPlatform,
  signal: AbortSignal | undefined,
): Promise<PushManifest> {
  const copied = (descriptor: Descriptor): PushBlob => ({ descriptor, open: () => source.blob(descriptor, signal) });
  const { manifest: raw, parsed, config } = image;
  if (plan.kind !== "native" || original === undefined) return { ...raw, blobs: manifestBlobs(parsed).map(copied) };
  const layer = await makePatchLayer(tools, original, plan, loaded);
  const created = laterOf(config.created, createdOf(loaded.map(({ next }) => next.facts)));
  const base = { name: request.name, digest: raw.digest };
  const made = addLayer({ manifest: parsed, config }, layer, base, created);
  const blobs: PushBlob[] = [
    ...parsed.layers.map(copied),
    layer,
    { descriptor: made.config.descriptor, open: () => once(made.config.bytes) },
  ];
  return { ...made.manifest, blobs };
}

function indexOf(
  index: ImageIndex,
  patched: readonly { readonly planned: PlannedPlatform; readonly push: PushManifest }[],
  { name, digest }: PatchRequest,
): RawManifest {
  const platforms = patched.flatMap(({ planned, push }): PatchedPlatform[] =>
    planned.descriptor === undefined ? [] : [{ before: planned.descriptor, manifest: push }],
  );
  return patchIndex(index, platforms, { name, digest });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
