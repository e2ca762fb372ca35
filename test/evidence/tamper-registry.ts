import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Repository } from "../../src/io/registry/index.ts";
import { attachBundle } from "../../src/io/sign/index.ts";
import { sha256, type Digest } from "../../src/lib/index.ts";
import type { SignedQuickstart } from "./signed-quickstart.ts";

/** An artifact that is listed beside a digest. */
interface Listed {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly artifactType?: string;
  /** Of its predicate. */
  readonly type: string;
}

interface Layer {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
}

/** A copy of the image with all that lies beside it. */
export interface Place {
  readonly repository: Repository;
  readonly list: readonly Listed[];
}

export type RegistryTampering = ReturnType<typeof createRegistryTampering>;

/** What whoever can write to the registry, or to its files, can do to the evidence of the quickstart's image; nobody here has the key. */
export function createRegistryTampering({ client, docker, digest, other }: SignedQuickstart) {
  const repositoryOf = (name: string): Repository => client.repository(`${docker.host}/${name}`);
  const kept = new Map<string, Buffer>();

  const tampering = {
    /** What the tag that stands in for the referrers API lists. */
    listBeside: async (repository: Repository, of: Digest): Promise<Listed[]> => {
      const { manifests } = await readJson<{ manifests: Listed[] }>(repository, tagOf(of));
      return Promise.all(
        manifests.map(async (one) => {
          const artifact = await readJson<{ annotations: Record<string, string> }>(repository, one.digest);
          return { ...one, type: artifact.annotations["dev.sigstore.bundle.predicateType"] ?? "" };
        }),
      );
    },

    writeList: async (repository: Repository, list: readonly Listed[]): Promise<void> => {
      const manifests = list.map(({ type: _type, ...one }) => one);
      const mediaType = "application/vnd.oci.image.index.v1+json";
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
      await repository.putManifest({ digest: sha256(bytes), mediaType, bytes }, tagOf(digest));
    },

    /** Puts another bundle in the place of one. */
    resign: async (
      { repository, list }: Place,
      kind: string,
      change: (bundle: string) => string | Promise<string>,
    ): Promise<void> => {
      const at = list.find(({ type }) => type.toLowerCase().includes(kind));
      const subject = await repository.resolve(digest);
      if (at === undefined || subject === undefined) throw new Error(`there is no ${kind}`);
      const before = await readBundle(repository, at.digest);
      const after = await change(before);
      if (after === before) throw new Error("nothing was changed");
      await tampering.writeList(
        repository,
        list.filter((one) => one !== at),
      );
      await attachBundle(repository, subject, Buffer.from(after), at.type);
    },

    /** Puts the other digest's statement, as it was signed, in the place of this one's. */
    replaceByOther: async (place: Place, kind: string): Promise<void> => {
      const theirs = await tampering.listBeside(repositoryOf("tide-base"), other);
      const at = theirs.find(({ type }) => type.toLowerCase().includes(kind));
      const bundle = await readBundle(repositoryOf("tide-base"), at?.digest ?? "none");
      await tampering.resign(place, kind, () => bundle);
    },

    /** A manifest with its blobs, from an image of the quickstart. */
    copyArtifact: async (from: string, to: Repository, reference: string, tag?: string): Promise<void> => {
      const source = repositoryOf(from);
      const raw = await source.manifest(reference);
      if (raw === undefined) throw new Error(`${from} has no ${reference}`);
      const { config, layers } = JSON.parse(Buffer.from(raw.bytes).toString()) as { config: Layer; layers: Layer[] };
      for (const blob of [config, ...layers]) {
        const bytes = await readBlob(source, blob);
        await to.putBlob(blob, async function* () {
          yield await Promise.resolve(bytes);
        });
      }
      await to.putManifest(raw, tag);
    },

    /** The image with all that lies beside it, under another name. */
    copyImage: async (to: Repository): Promise<Place> => {
      await tampering.copyArtifact("tide-app", to, digest);
      await tampering.copyArtifact("tide-app", to, tagOf(digest, ".sig"), tagOf(digest, ".sig"));
      const list = await tampering.listBeside(repositoryOf("tide-app"), digest);
      for (const one of list) await tampering.copyArtifact("tide-app", to, one.digest);
      await tampering.writeList(to, list);
      return { repository: to, list };
    },

    /** Changes a blob where the registry keeps it: its bytes are no longer those of its digest. */
    overwrite: async (of: Digest, change: (bytes: Buffer) => Buffer): Promise<void> => {
      const hex = of.slice(7);
      const path = join(docker.data, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
      const before = await readFile(path);
      const after = change(before);
      if (after.equals(before)) throw new Error("nothing was changed");
      kept.set(path, before);
      await writeFile(path, after);
    },

    /** Repositories share their blobs: what was changed for one is put back for the others. */
    restoreFiles: async (): Promise<void> => {
      for (const [path, bytes] of kept) await writeFile(path, bytes);
      kept.clear();
    },

    /** The blob of an artifact. */
    layerOf: async (repository: Repository, artifact: string): Promise<Layer> => {
      const { layers } = await readJson<{ layers: Layer[] }>(repository, artifact);
      const [layer] = layers;
      if (layer === undefined) throw new Error(`${artifact} has no layer`);
      return layer;
    },
  };
  const readBundle = async (repository: Repository, artifact: string): Promise<string> =>
    (await readBlob(repository, await tampering.layerOf(repository, artifact))).toString();
  return tampering;
}

export function tagOf(of: Digest, suffix = ""): string {
  return `${of.replace(":", "-")}${suffix}`;
}

async function readJson<T>(repository: Repository, reference: string): Promise<T> {
  const raw = await repository.manifest(reference);
  if (raw === undefined) throw new Error(`there is no ${reference}`);
  return JSON.parse(Buffer.from(raw.bytes).toString()) as T;
}

async function readBlob(repository: Repository, layer: Layer): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of repository.blob(layer)) pieces.push(piece);
  return Buffer.concat(pieces);
}
