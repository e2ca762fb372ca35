import { createReadStream, createWriteStream } from "node:fs";
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import {
  configLimit,
  manifestLimit,
  mediaTypes,
  parseConfig,
  type Descriptor,
  type Platform,
} from "../../../core/image/index.ts";
import { digestHex, isDigest, messageOf, printable, sha256, type Digest } from "../../../lib/index.ts";
import { BuildError } from "./build-error.ts";
import { refuseSecrets, type Needle } from "./find-secret.ts";
import { normalizeConfig } from "./normalize-config.ts";
import { tooLarge, type Member, type UnpackedArchive } from "./unpack-archive.ts";

/** A layout folder that images are collected into. */
export interface Collector {
  /** Adds the image of one platform from what an engine wrote; resolves to its manifest. */
  add(archive: UnpackedArchive, platform: Platform): Promise<Descriptor>;
  /** Makes what was added the layout's content: one manifest, or an index of several. */
  finish(manifests: readonly Descriptor[]): Promise<Descriptor>;
  readonly borrowed: () => readonly Descriptor[];
  readonly bytes: () => number;
}

export interface CollectOptions {
  readonly annotations: Readonly<Record<string, string>>;
  readonly epoch: number | undefined;
  readonly known: ReadonlyMap<Digest, Descriptor>;
  readonly needles: readonly Needle[];
  /** Bytes of all layers that are not known, unpacked. */
  readonly limit: number;
}

/** What every byte of a new layer goes through. */
type Search = readonly [Transform, Transform];

interface Found {
  readonly config: Buffer;
  readonly layers: readonly Member[];
}

/**
 * Collects built images into an OCI layout in `folder`: configs in one form, new layers compressed and looked through for
 * secrets, known ones named as their registry has them. Throws BAD_RESULT and SECRET_LEAKED. image-spec, image-layout.md.
 */
export async function createCollector(folder: string, options: CollectOptions): Promise<Collector> {
  const blobs = join(folder, "blobs", "sha256");
  await mkdir(blobs, { recursive: true });
  const borrowed = new Map<Digest, Descriptor>();
  const stored = new Map<Digest, Descriptor>();
  const sizes = new Map<Digest, number>();
  let plainBytes = 0;
  const count = (): Transform =>
    new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        plainBytes += chunk.length;
        if (plainBytes <= options.limit) done(null, chunk);
        else done(tooLarge(options.limit));
      },
    });

  async function putBytes(bytes: Buffer, mediaType: string): Promise<Descriptor> {
    const digest = sha256(bytes);
    await writeFile(join(blobs, digestHex(digest)), bytes);
    sizes.set(digest, bytes.length);
    return { mediaType, digest, size: bytes.length };
  }

  async function putLayer(member: Member, diffId: Digest, number: number): Promise<Descriptor> {
    const known = options.known.get(diffId);
    const there = stored.get(diffId);
    if (there !== undefined) return there;
    if (known !== undefined) {
      borrowed.set(known.digest, known);
      return { mediaType: ociLayer(known.mediaType), digest: known.digest, size: known.size };
    }
    if (!member.gzip && member.digest !== diffId) throw wrong(`layer ${number} is not what the config says`);
    const path = join(blobs, `${randomUUID()}.part`);
    const search = [count(), refuseSecrets(options.needles, `layer ${number} of the image`)] as const;
    const descriptor = member.gzip
      ? await checkLayer(member, diffId, path, search, number)
      : await packLayer(member, path, search);
    await rename(path, join(blobs, digestHex(descriptor.digest)));
    sizes.set(descriptor.digest, descriptor.size);
    stored.set(diffId, descriptor);
    return descriptor;
  }

  return {
    add: async (archive, platform) => {
      const found = await findImage(archive);
      const parsed = readConfig(found.config);
      const diffIds = parsed.rootfs.diff_ids;
      if (diffIds.length !== found.layers.length) throw wrong("it has another number of layers than its config says");
      const document = JSON.parse(found.config.toString("utf8")) as Record<string, unknown>;
      const config = Buffer.from(JSON.stringify(normalizeConfig(document, platform, options.epoch)));
      const leak = options.needles.find(({ bytes }) =>
        config.includes(JSON.stringify(bytes.toString("utf8")).slice(1, -1)),
      );
      if (leak !== undefined)
        throw new BuildError(
          "SECRET_LEAKED",
          `the secret ${leak.id} is in the config of the image: the image is thrown away`,
          {
            hint: "An ARG, ENV, LABEL or command holds it. Mount it instead. Take it for known and change it.",
          },
        );
      const layers: Descriptor[] = [];
      for (const [at, member] of found.layers.entries())
        layers.push(await putLayer(member, diffIds[at] as Digest, at + 1));
      const { annotations } = options;
      const manifest = {
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        config: await putBytes(config, mediaTypes.config),
        layers,
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      };
      return { ...(await putBytes(Buffer.from(JSON.stringify(manifest)), mediaTypes.manifest)), platform };
    },
    finish: async (manifests) => {
      const [only] = manifests;
      if (only === undefined) throw wrong("nothing was built");
      const { annotations } = options;
      const index = {
        schemaVersion: 2,
        mediaType: mediaTypes.index,
        manifests,
        // Whoever looks at the index alone is told the same as of its manifests.
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      };
      const root = manifests.length === 1 ? only : await putBytes(Buffer.from(JSON.stringify(index)), mediaTypes.index);
      const entry = { mediaType: root.mediaType, digest: root.digest, size: root.size };
      await writeFile(
        join(folder, "index.json"),
        JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [entry] }),
      );
      await writeFile(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
      return entry;
    },
    borrowed: () => [...borrowed.values()],
    bytes: () => [...sizes.values()].reduce((sum, size) => sum + size, 0),
  };
}

async function findImage(archive: UnpackedArchive): Promise<Found> {
  // An archive of docker has both where it is new; what it says itself is what `docker load` would take.
  const list = archive.member("manifest.json");
  if (list !== undefined) {
    const [image] = (await readJson(list, manifestLimit)) as { Config?: unknown; Layers?: unknown }[];
    const names = Array.isArray(image?.Layers) ? (image.Layers as unknown[]) : [];
    const config = await readMember(archive, String(image?.Config), configLimit);
    return { config, layers: names.map((name) => needMember(archive, String(name))) };
  }
  const blob = (digest: unknown): string => {
    if (typeof digest !== "string" || !isDigest(digest)) throw wrong("it names a blob without a digest");
    return `blobs/${digest.replace(":", "/")}`;
  };
  let entry: unknown = { digest: undefined };
  let document = (await readJson(needMember(archive, "index.json"), manifestLimit)) as Record<string, unknown>;
  for (let depth = 0; Array.isArray(document["manifests"]); depth += 1) {
    const entries = document["manifests"] as { digest?: unknown; platform?: { os?: unknown } }[];
    // Statements about the build stand beside the image, for a platform that no machine has.
    entry = entries.find(({ platform }) => platform?.os !== "unknown");
    if (depth > 3 || entry === undefined) throw wrong("its index names no image");
    document = (await readJson(
      needMember(archive, blob((entry as { digest?: unknown }).digest)),
      manifestLimit,
    )) as typeof document;
  }
  const layers = Array.isArray(document["layers"]) ? (document["layers"] as { digest?: unknown }[]) : [];
  const config = await readMember(
    archive,
    blob((document["config"] as { digest?: unknown } | undefined)?.digest),
    configLimit,
  );
  return {
    config,
    layers: layers.map(({ digest }) => {
      const member = needMember(archive, blob(digest));
      if (member.digest !== digest) throw wrong("a layer has other bytes than its digest says");
      return member;
    }),
  };
}

function needMember(archive: UnpackedArchive, name: string): Member {
  const member = archive.member(name);
  if (member === undefined) throw wrong(`it has no ${printable(name.slice(0, 200))}`);
  return member;
}

async function readMember(archive: UnpackedArchive, name: string, limit: number): Promise<Buffer> {
  const member = needMember(archive, name);
  if (member.size > limit) throw wrong(`${printable(name.slice(0, 200))} is larger than ${limit} bytes`);
  return readFile(member.path);
}

async function readJson(member: Member, limit: number): Promise<unknown> {
  if (member.size > limit) throw wrong(`a document is larger than ${limit} bytes`);
  try {
    const value: unknown = JSON.parse(await readFile(member.path, "utf8"));
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Told below.
  }
  throw wrong("a document is not JSON");
}

function readConfig(bytes: Buffer): ReturnType<typeof parseConfig> {
  try {
    return parseConfig(bytes);
  } catch (error) {
    throw wrong(messageOf(error));
  }
}

/** Compresses a plain layer. The file of the engine goes: the work folder holds each layer once. */
async function packLayer(member: Member, path: string, search: Search): Promise<Descriptor> {
  const packed = measured();
  await pipeline(
    createReadStream(member.path),
    ...search,
    createGzip({ level: 6 }),
    packed.through,
    createWriteStream(path),
  );
  await rm(member.path, { force: true });
  return { mediaType: mediaTypes.layerGzip, ...packed.result() };
}

/** Takes a layer that is compressed already, once its content is what the config says. */
async function checkLayer(
  member: Member,
  diffId: Digest,
  path: string,
  search: Search,
  number: number,
): Promise<Descriptor> {
  const plain = measured();
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    await pipeline(createReadStream(member.path), createGunzip(), ...search, plain.through, nowhere);
  } catch (error) {
    if (error instanceof BuildError) throw error;
    throw wrong(`layer ${number} cannot be read: ${messageOf(error)}`);
  }
  if (plain.result().digest !== diffId) throw wrong(`layer ${number} is not what the config says`);
  await rename(member.path, path);
  return { mediaType: mediaTypes.layerGzip, digest: member.digest, size: member.size };
}

function measured(): { through: Transform; result(): { digest: Digest; size: number } } {
  const hash = createHash("sha256");
  let size = 0;
  const through = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  return { through, result: () => ({ digest: `sha256:${hash.digest("hex")}`, size }) };
}

function ociLayer(mediaType: string): string {
  return mediaType === mediaTypes.dockerLayerGzip ? mediaTypes.layerGzip : mediaType;
}

function wrong(why: string): BuildError {
  return new BuildError("BAD_RESULT", `what the engine made is no image: ${printable(why)}`);
}
