import { open, readFile, stat, type FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { annotationKeys, formatPlatform, parseReference, type ImageSource } from "../../../core/image/index.ts";
import { isLockFile, maxLockFile, readInventory, type Inventory, type Tree } from "../../../core/inventory/index.ts";
import { maxSbomBytes, noLayer, parseSbom, withLocks, type ScanSubject } from "../../../core/report/index.ts";
import { folderTree, type ImageReader } from "../../../io/layer/index.ts";
import { isLayout, openImage, type RegistryClient, type Repository } from "../../../io/registry/index.ts";
import type { Digest, Instant } from "../../../lib/index.ts";
import { OperationError } from "../../../operation/index.ts";
import { narrowPlatform, requirePlatform } from "../narrow-platform.ts";
import { remoteName } from "../remote-name.ts";

/** One platform of what was read. */
export interface ReadPlatform {
  /** Undefined for what is of none. */
  readonly platform: string | undefined;
  readonly inventory: Inventory;
  /** Undefined for a bill of materials. */
  readonly tree: Tree | undefined;
  /** Lock files of a source tree. */
  readonly locks?: readonly { readonly path: string; readonly text: string }[];
}

export interface ReadSubject {
  readonly subject: ScanSubject;
  readonly platforms: readonly ReadPlatform[];
  /** Of its manifest, and of those of its platforms. */
  readonly digests: readonly Digest[];
  /** Where it is to be had: only of an image in a registry. */
  readonly repository: Repository | undefined;
  /** Digests of the bases in the same repository's registry that its manifests name. */
  readonly bases: readonly { readonly name: string; readonly digest: string }[];
  /** When the newest of its platforms says that it was made. */
  readonly created: Instant | undefined;
}

export interface SubjectDeps {
  readonly images: ImageReader;
  readonly registries: RegistryClient;
  /** Whether files and folders of this machine are looked at: not for those who ask from elsewhere. */
  readonly localFiles: boolean;
  readonly signal?: AbortSignal;
  /** Told how far the reading is: what is read, bytes or files so far, and of how many where that is known. */
  readonly onProgress?: (what: string, done: number, total: number | undefined) => void;
}

/**
 * Reads what `text` names: `dir:FOLDER`, `sbom:FILE`, `oci:FOLDER`, `docker-archive:FILE`, a folder (an OCI layout, else a root directory or source tree), a file (an SBOM in JSON, else a docker archive), else
 * an image in a registry. Throws NOT_FOUND, BAD_INPUT, and what opening and reading throw.
 */
export async function readSubject(
  operation: "scan" | "inventory",
  text: string,
  platform: string | undefined,
  deps: SubjectDeps,
): Promise<ReadSubject> {
  const name = deps.localFiles ? text : remoteName(operation, text);
  const [, scheme, rest = ""] = /^(dir|sbom):(.+)$/.exec(name) ?? [];
  if (scheme === "dir") return readDirectory(rest, text, deps);
  if (scheme === "sbom") return readSbom(rest, text);
  const kind = await kindOf(name);
  if (kind === "directory") return readDirectory(name, text, deps);
  if (kind === "sbom") return readSbom(name, text);
  return readImage(name, text, platform, kind ?? kindOfName(name), deps);
}

async function readImage(
  name: string,
  text: string,
  platform: string | undefined,
  kind: "image" | "layout" | "archive",
  { images, registries, signal, onProgress }: SubjectDeps,
): Promise<ReadSubject> {
  const opened = await openImage(name, registries);
  const source = onProgress === undefined ? opened.source : watched(opened.source, onProgress);
  try {
    const narrowed = await narrowPlatform(source, opened.reference, platform, signal);
    const image = await images.read(source, narrowed.read, signal);
    requirePlatform(
      text,
      platform,
      image.platforms.map((one) => formatPlatform(one.platform)),
    );
    const created = image.platforms.flatMap(({ config }) => momentOf(config.created));
    const digests = [narrowed.digest ?? image.digest, ...image.platforms.map(({ manifest }) => manifest.digest)];
    const bases = image.platforms.flatMap(({ parsed: { annotations } }) => {
      const name = annotations?.[annotationKeys.baseName];
      const digest = annotations?.[annotationKeys.baseDigest];
      return name === undefined || digest === undefined ? [] : [{ name, digest }];
    });
    return {
      digests: [...new Set(digests)],
      repository:
        kind === "image" ? registries.repository(parseReference(name.replace(/^docker:(?:\/\/)?/, ""))) : undefined,
      bases,
      subject: { kind, name: text, digest: narrowed.digest ?? image.digest },
      platforms: image.platforms.map((one) => ({
        platform: formatPlatform(one.platform),
        inventory: readInventory(one.tree, one.platform),
        tree: one.tree,
      })),
      created: created.length === 0 ? undefined : Math.max(...created),
    };
  } finally {
    await opened.close();
  }
}

async function readDirectory(path: string, text: string, { signal, onProgress }: SubjectDeps): Promise<ReadSubject> {
  const { tree, texts } = await folderTree(path, {
    diffId: noLayer,
    wants: (file, size) => size <= maxLockFile && isLockFile(file) && !isInstalled.test(file),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined
      ? {}
      : { onProgress: (files) => onProgress(`reading ${basename(path)}, files`, files, undefined) }),
  });
  const found = readInventory(tree, { os: "linux", architecture: "unknown" });
  const inventory = withLocks(found, texts);
  return {
    ...nowhere,
    subject: { kind: "directory", name: text, digest: undefined },
    platforms: [{ platform: undefined, inventory, tree, locks: texts }],
    created: undefined,
  };
}

async function readSbom(path: string, text: string): Promise<ReadSubject> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw new OperationError("NOT_FOUND", `${text} cannot be read`, { cause: error });
  });
  if (size > maxSbomBytes) throw new OperationError("BAD_INPUT", `${text} is larger than ${maxSbomBytes} bytes`);
  const parsed = parseSbom(await readFile(path, "utf8"));
  if (parsed.kind === "invalid")
    throw new OperationError("BAD_INPUT", `${text} is no SBOM that can be read: ${parsed.message}`, {
      hint: "CycloneDX 1.2 to 1.7, SPDX 2.2 and 2.3, and syft's own format are read, in JSON.",
    });
  return {
    ...nowhere,
    digests: parsed.digest === undefined ? [] : [parsed.digest],
    subject: { kind: "sbom", name: text, digest: parsed.digest },
    platforms: [{ platform: undefined, inventory: parsed.inventory, tree: undefined }],
    created: undefined,
  };
}

/** Below these stand what package managers put there: their lock files settle nothing here. */
const isInstalled = /(?:^|\/)(?:node_modules|site-packages|dist-packages|vendor|\.venv|venv)\//;

const nowhere = { digests: [], repository: undefined, bases: [] } as const;

/** What a path is; undefined for what is none. */
async function kindOf(name: string): Promise<"layout" | "archive" | "directory" | "sbom" | undefined> {
  if (/^(?:oci|docker-archive|docker):/.test(name)) return undefined;
  const found = await stat(name).catch(() => undefined);
  if (found === undefined) return undefined;
  if (found.isDirectory()) return (await isLayout(name)) ? "layout" : "directory";
  return (await beginsAsJson(name)) ? "sbom" : "archive";
}

function kindOfName(name: string): "image" | "layout" | "archive" {
  if (name.startsWith("oci:")) return "layout";
  return name.startsWith("docker-archive:") ? "archive" : "image";
}

async function beginsAsJson(path: string): Promise<boolean> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0);
    // An XML document is no archive either: the reader of bills says that it does not read it.
    return /^(?:\uFEFF)?\s*[{<]/.test(buffer.toString("utf8", 0, bytesRead));
  } finally {
    await file?.close();
  }
}

/** `source`, telling how far each of its layers has been read. */
function watched(source: ImageSource, onProgress: NonNullable<SubjectDeps["onProgress"]>): ImageSource {
  return {
    name: source.name,
    manifest: (reference, signal) => source.manifest(reference, signal),
    blob: async function* (descriptor, signal) {
      let done = 0;
      const what = `reading ${descriptor.digest.slice(7, 19)}`;
      for await (const chunk of source.blob(descriptor, signal)) {
        done += chunk.byteLength;
        onProgress(what, done, descriptor.size);
        yield chunk;
      }
    },
  };
}

function momentOf(text: string | undefined): Instant[] {
  const at = Date.parse(text ?? "");
  return Number.isFinite(at) ? [at] : [];
}
