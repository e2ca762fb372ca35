import { isDigest, type Digest } from "../../lib/index.ts";
import { parseReference, referenceTarget, type ImageSink, type ImageSource } from "../../core/image/index.ts";
import type { ImageReader } from "../../io/layer/index.ts";
import { openImage, openLayout, type RegistryClient, type Repository } from "../../io/registry/index.ts";
import { createRebaser, type PlacedImage, type RebaserDeps } from "../../loop/build/index.ts";
import { OperationError, type OperationHandlers, type Rebase } from "../../operation/index.ts";
import { remoteName } from "./remote-name.ts";

export interface RebaseDeps {
  readonly client: RegistryClient;
  readonly images: ImageReader;
  /** Whether layouts and archives of this machine are read and written: not for those who ask from elsewhere. */
  readonly localFiles: boolean;
  readonly signal: AbortSignal;
}

type Hint = Parameters<RebaserDeps["findBase"]>[0];

/** `rebase`: any image on another base, without configuration. Throws BAD_INPUT where no place for the result is known, UNSUPPORTED for files where they are not looked at, and what reading and writing throw. */
export function createRebase(deps: RebaseDeps): OperationHandlers["rebase"] {
  const { client, images, localFiles, signal } = deps;
  const named = (text: string): string => (localFiles ? text : remoteName("rebase", text));
  return async ({ image, onto, oldBase, to, dryRun }) => {
    await using opened = new AsyncDisposableStack();
    const open = async (text: string): Promise<PlacedImage> => {
      const found = await openImage(named(text), client);
      opened.defer(() => found.close());
      return found;
    };
    const source = await open(image);
    const base = await open(onto);
    const old = oldBase === undefined ? undefined : await open(oldBase);
    const target = dryRun ? undefined : await openTarget(to === undefined ? undefined : named(to), source, client);
    const rebaser = createRebaser({ images, findBase: (hint, stop) => findBase(hint, [base, source], client, stop) });
    const outcome = await rebaser.rebase(
      {
        image: source,
        base,
        ...(old === undefined ? {} : { oldBase: old }),
        ...(isRepository(base.source) && !isDigest(base.reference)
          ? { baseName: `${base.source.name}:${base.reference}` }
          : {}),
        sink: target?.sink,
        mountFrom: mountable(target?.sink, [source.source, base.source]),
      },
      signal,
    );
    if (outcome.kind === "unchanged") return { ...outcome, image };
    if (outcome.kind === "refused")
      return { kind: "refused", image, from: outcome.from, reasons: outcome.reasons.map(reasonOf) };
    const { kind, digest, from, bytes, uploaded, platforms } = outcome;
    return {
      kind,
      image,
      digest,
      from,
      oldBase: outcome.oldBase,
      base: outcome.base,
      written: target === undefined ? null : await target.finish(digest),
      platforms: platforms.map(({ packages, treatments, ...rest }) => ({
        ...rest,
        treatments: [...treatments],
        packages: packages.map(({ from: was, to: now, ...step }) => ({ ...step, from: was ?? null, to: now ?? null })),
      })),
      bytes,
      bytesUploaded: uploaded,
    };
  };
}

type Reasons = Extract<Rebase, { kind: "refused" }>["reasons"];

function reasonOf({
  code,
  message,
  platform,
  path,
  package: name,
  library,
}: {
  readonly code: string;
  readonly message: string;
  readonly platform: string | undefined;
  readonly path?: string;
  readonly package?: string;
  readonly library?: string;
}): Reasons[number] {
  return {
    code,
    message,
    platform: platform ?? null,
    path: path ?? null,
    package: name ?? null,
    library: library ?? null,
  };
}

interface Target {
  readonly sink: ImageSink;
  /** Gives the result its name; where it then is. */
  finish(digest: Digest): Promise<string>;
}

async function openTarget(to: string | undefined, image: PlacedImage, client: RegistryClient): Promise<Target> {
  if (to === undefined) {
    const { source } = image;
    if (isRepository(source)) return { sink: source, finish: (digest) => Promise.resolve(`${source.name}@${digest}`) };
    throw new OperationError("BAD_INPUT", `rebase: ${source.name} is no registry, so say where the result goes`, {
      hint: "Name a repository or a layout directory by --to.",
    });
  }
  const folder = /^oci:(.+?)(?::([\w][\w.-]*))?$/.exec(to) ?? /^([./].*?)(?::([\w][\w.-]*))?$/.exec(to);
  if (folder !== null) {
    const [, path = "", tag = "latest"] = folder;
    const layout = await openLayout(path, { create: true });
    const sink: ImageSink = {
      name: layout.name,
      putBlob: (...args) => layout.putBlob(...args),
      putManifest: (manifest, given, signal) => layout.putManifest(manifest, given ?? tag, signal),
    };
    return { sink, finish: () => Promise.resolve(`${layout.name}:${tag}`) };
  }
  const reference = parseReference(to.replace(/^docker:(?:\/\/)?/, ""));
  if (reference.digest !== undefined)
    throw new OperationError("BAD_INPUT", `rebase: ${to} names a digest: what it will be is not known yet`, {
      hint: "Name a tag, or none.",
    });
  const sink = client.repository(reference);
  return {
    sink,
    finish: async (digest) => {
      if (reference.tag === undefined) return `${sink.name}@${digest}`;
      await sink.tag(digest, reference.tag);
      return `${sink.name}:${reference.tag}@${digest}`;
    },
  };
}

/** What an annotation names, in the registries of the images that a person named and nowhere else: an image must not send us to a host of its choice. */
async function findBase(
  { digest, name }: Hint,
  places: readonly PlacedImage[],
  client: RegistryClient,
  signal: AbortSignal | undefined,
): Promise<PlacedImage | undefined> {
  const candidates: PlacedImage[] = [];
  const hosts = places.flatMap(({ source }) => (isRepository(source) ? [source.registry] : []));
  const reference = readReference(name);
  if (reference !== undefined && hosts.includes(reference.registry))
    candidates.push({ source: client.repository(reference), reference: digest ?? referenceTarget(reference) });
  if (digest !== undefined) candidates.push(...places.map(({ source }) => ({ source, reference: digest })));
  for (const candidate of candidates)
    if ((await candidate.source.manifest(candidate.reference, signal)) !== undefined) return candidate;
  return undefined;
}

function readReference(name: string | undefined): ReturnType<typeof parseReference> | undefined {
  try {
    return name === undefined ? undefined : parseReference(name);
  } catch {
    return undefined;
  }
}

function mountable(sink: ImageSink | undefined, sources: readonly ImageSource[]): string[] {
  if (sink === undefined || !isRepository(sink)) return [];
  return sources.flatMap((source) =>
    isRepository(source) && source.registry === sink.registry ? [source.repository] : [],
  );
}

function isRepository(side: ImageSource | ImageSink): side is Repository {
  return "referrers" in side && "registry" in side;
}
