import { createHash } from "node:crypto";
import {
  isForeignLayer,
  isTag,
  manifestBlobs,
  parseDocument,
  type Descriptor,
  type ImageDocument,
} from "../../../core/image/index.ts";
import { digestAlgorithm, isDigest, messageOf, sha256, type Digest } from "../../../lib/index.ts";
import { findManifest } from "./registry-store.ts";
import { Refusal } from "./refusal.ts";
import { answerBytes, answerEmpty, readBody, type Exchange } from "./reply.ts";
import type { BlobEntry, StoredManifest } from "./state.ts";

/** GET, HEAD, PUT and DELETE of `/v2/<name>/manifests/<reference>`. distribution-spec 1.1. */
export async function serveManifest(exchange: Exchange): Promise<void> {
  switch (exchange.method) {
    case "GET":
    case "HEAD":
      return getManifest(exchange);
    case "PUT":
      return putManifest(exchange);
    case "DELETE":
      return deleteManifest(exchange);
    default:
      throw new Refusal(405, "UNSUPPORTED", "not for manifests", { Allow: "GET, HEAD, PUT, DELETE" });
  }
}

async function getManifest(exchange: Exchange): Promise<void> {
  const { store, response } = exchange;
  const found = storedManifest(exchange);
  const { entry, mediaType } = found;
  store.touch(entry);
  const headers = {
    "Content-Type": mediaType,
    "Docker-Content-Digest": entry.digest,
    ETag: `"${entry.digest}"`,
    "X-Content-Type-Options": "nosniff",
  };
  if (exchange.method === "HEAD") return answerEmpty(response, 200, { ...headers, "Content-Length": entry.size });
  const bytes = await store.content.read(entry.digest);
  if (bytes === undefined) throw unknown(exchange);
  answerBytes(exchange, 200, headers, bytes);
}

async function putManifest(exchange: Exchange): Promise<void> {
  const { store, request, repository, target, limits } = exchange;
  const bytes = await readBody(request, limits.manifestBytes, "SIZE_INVALID");
  const mediaType = request.headers["content-type"]?.split(";")[0]?.trim();
  if (mediaType === undefined) throw new Refusal(400, "MANIFEST_INVALID", "Content-Type is missing");
  const document = readDocument(bytes, mediaType);
  const digest = nameOf(bytes, target);
  const tags = tagsOf(exchange);
  const { subject } = document.kind === "manifest" ? document.manifest : document.index;

  const record = {
    k: "manifest",
    r: repository,
    d: digest,
    s: bytes.byteLength,
    t: mediaType,
    ...(subject === undefined ? {} : { j: subject.digest }),
    ...(tags.length === 0 ? {} : { n: tags }),
  } as const;
  let names: readonly Digest[] = [];
  await store.commitBytes(digest, bytes, record, () => {
    names = checkNames(exchange, document);
    checkCondition(exchange);
  });
  const stored = store.repository(repository)?.manifests.get(digest);
  if (stored !== undefined) {
    stored.names = names;
    store.touch(stored.entry);
  }
  answerEmpty(exchange.response, 201, {
    Location: `/v2/${repository}/manifests/${target}`,
    "Docker-Content-Digest": digest,
    ETag: `"${digest}"`,
    ...(subject === undefined ? {} : { "OCI-Subject": subject.digest }),
    ...(exchange.query.has("tag") ? { "OCI-Tag": tags.join(", ") } : {}),
  });
}

async function deleteManifest(exchange: Exchange): Promise<void> {
  const { store, repository: r, target } = exchange;
  const found = storedManifest(exchange);
  const { digest } = found.entry;
  await store.removing(() =>
    store.commit(isDigest(target) ? { k: "unmanifest", r, d: digest } : { k: "untag", r, n: target }),
  );
  answerEmpty(exchange.response, 202, {});
}

function storedManifest(exchange: Exchange): StoredManifest {
  const { target } = exchange;
  if (!isDigest(target) && !isTag(target)) throw new Refusal(404, "MANIFEST_UNKNOWN", "neither a tag nor a digest");
  const repository = exchange.store.repository(exchange.repository);
  const found = repository === undefined ? undefined : findManifest(repository, target);
  if (found === undefined) throw unknown(exchange);
  return found;
}

function readDocument(bytes: Buffer, mediaType: string): ImageDocument {
  try {
    return parseDocument({ bytes, mediaType });
  } catch (error) {
    throw new Refusal(400, "MANIFEST_INVALID", messageOf(error));
  }
}

/** The digest to store under: the one in the path when the bytes have it, sha256 for a tag. */
function nameOf(bytes: Buffer, target: string): Digest {
  if (!target.includes(":")) return sha256(bytes);
  if (isDigest(target)) {
    const algorithm = digestAlgorithm(target);
    if (`${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}` === target) return target;
  }
  throw new Refusal(400, "DIGEST_INVALID", "what came has another digest than its path says");
}

function tagsOf(exchange: Exchange): readonly string[] {
  const { target } = exchange;
  const tags = target.includes(":") ? exchange.query.getAll("tag") : [target];
  if (tags.length > 10 || !tags.every(isTag)) throw new Refusal(400, "TAG_INVALID", "not a tag");
  return tags;
}

/** Refuses a document that names what this repository has not; renews the lease of all that it names. */
function checkNames(exchange: Exchange, document: ImageDocument): readonly Digest[] {
  const { store, repository } = exchange;
  if (document.kind === "manifest") {
    const blobs = manifestBlobs(document.manifest).filter((each) => !isForeignLayer(each));
    return blobs.map((each) => checkSize(each, store.blob(repository, each.digest)));
  }
  return document.index.manifests.map((each) => {
    const entry = store.repository(repository)?.manifests.get(each.digest)?.entry;
    if (entry !== undefined) store.touch(entry);
    return checkSize(each, entry);
  });
}

/** The entry's own digest text, so that a thousand manifests that name a blob share one. */
function checkSize(named: Descriptor, entry: BlobEntry | undefined): Digest {
  if (entry === undefined) {
    throw new Refusal(404, "MANIFEST_BLOB_UNKNOWN", `${named.digest} is not in this repository`);
  }
  if (entry.size !== named.size) throw new Refusal(400, "SIZE_INVALID", `${named.digest} has ${entry.size} bytes`);
  return entry.digest;
}

/** If-Match and If-None-Match on a tag: compare and set, at once with what follows. RFC 9110, 13.1. */
function checkCondition(exchange: Exchange): void {
  const { "if-match": ifMatch, "if-none-match": ifNoneMatch } = exchange.request.headers;
  if (ifMatch === undefined && ifNoneMatch === undefined) return;
  if (exchange.target.includes(":")) throw new Refusal(400, "UNSUPPORTED", "conditions are for tags");
  const current = exchange.store.repository(exchange.repository)?.tags.get(exchange.target);
  const matches = (header: string): boolean =>
    current !== undefined && header.split(",").some((each) => ["*", `"${current}"`].includes(each.trim()));
  if ((ifMatch !== undefined && !matches(ifMatch)) || (ifNoneMatch !== undefined && matches(ifNoneMatch))) {
    throw new Refusal(
      412,
      "PRECONDITION_FAILED",
      `the tag names ${current ?? "nothing"}`,
      current === undefined ? {} : { ETag: `"${current}"` },
    );
  }
}

function unknown(exchange: Exchange): Refusal {
  return new Refusal(404, "MANIFEST_UNKNOWN", `${exchange.target.slice(0, 200)} is not in this repository`);
}
