import { rm } from "node:fs/promises";
import { createHash } from "node:crypto";
import { isRepositoryName } from "../../../core/image/index.ts";
import { digestAlgorithm, type Digest } from "../../../lib/index.ts";
import { digestOf } from "./blob-routes.ts";
import { smallLimit } from "./registry-store.ts";
import { Refusal } from "./refusal.ts";
import { answerEmpty, readBody, type Exchange } from "./reply.ts";
import type { UploadSession } from "./upload-sessions.ts";

/** POST of `/v2/<name>/blobs/uploads/`: mounts, takes a whole blob, or opens an upload. distribution-spec 1.1, Pushing blobs. */
export async function startUpload(exchange: Exchange): Promise<void> {
  const { store, uploads, query, repository, request } = exchange;
  const mount = query.get("mount");
  if (mount !== null && (await mountBlob(exchange, digestOf(mount), query.get("from")))) return;
  const digest = query.get("digest");
  if (digest === null) {
    const session = await uploads.start(repository);
    return answerEmpty(exchange.response, 202, progress(session));
  }
  const wanted = digestOf(digest);
  const length = request.headers["content-length"];
  if (length !== undefined && Number(length) <= smallLimit) {
    const bytes = await readBody(request, smallLimit, "SIZE_INVALID");
    if (createHash(digestAlgorithm(wanted)).update(bytes).digest("hex") !== wanted.slice(7)) throw wrongDigest(wanted);
    await store.commitBytes(wanted, bytes, { k: "blob", r: repository, d: wanted, s: bytes.byteLength });
    return answerCreated(exchange, wanted);
  }
  const session = await uploads.start(repository);
  try {
    await uploads.append(session, request, exchange.limits.blobBytes);
  } catch (error) {
    await uploads.cancel(session);
    throw error;
  }
  await finishUpload(exchange, session, wanted);
}

/** GET, PATCH, PUT and DELETE of `/v2/<name>/blobs/uploads/<id>`. distribution-spec 1.1, Pushing a blob in chunks. */
export async function continueUpload(exchange: Exchange): Promise<void> {
  const { uploads, method, response } = exchange;
  const session = uploads.find(exchange.target, exchange.repository);
  switch (method) {
    case "GET":
      return answerEmpty(response, 204, progress(session));
    case "PATCH":
      await takeChunk(exchange, session);
      return answerEmpty(response, 202, progress(session));
    case "PUT": {
      const digest = exchange.query.get("digest");
      if (digest === null) throw new Refusal(400, "DIGEST_INVALID", "the digest is missing");
      const wanted = digestOf(digest);
      await takeChunk(exchange, session);
      return finishUpload(exchange, session, wanted);
    }
    case "DELETE":
      if (session.busy) throw new Refusal(409, "BLOB_UPLOAD_INVALID", "another request writes to this upload");
      await uploads.cancel(session);
      return answerEmpty(response, 204, {});
    default:
      throw new Refusal(405, "UNSUPPORTED", "not for uploads", { Allow: "GET, PATCH, PUT, DELETE" });
  }
}

async function mountBlob(exchange: Exchange, digest: Digest, from: string | null): Promise<boolean> {
  const { store, repository } = exchange;
  if (from !== null && !isRepositoryName(from))
    throw new Refusal(400, "NAME_INVALID", "from is not a repository's name");
  const entry = from === null ? store.anyBlob(digest) : store.blob(from, digest);
  if (entry === undefined) return false;
  if (store.blob(repository, digest) === undefined) {
    await store.commit({ k: "blob", r: repository, d: digest, s: entry.size });
  }
  answerCreated(exchange, digest);
  return true;
}

async function takeChunk(exchange: Exchange, session: UploadSession): Promise<void> {
  const { uploads, request } = exchange;
  const range = request.headers["content-range"];
  if (range === undefined) {
    await uploads.append(session, request, exchange.limits.blobBytes);
    return;
  }
  const match = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\*|\d{1,15}))?$/.exec(range);
  const [start, end] = [Number(match?.[1] ?? Number.NaN), Number(match?.[2] ?? Number.NaN)];
  const length = request.headers["content-length"];
  if (!(start <= end) || (length !== undefined && Number(length) !== end - start + 1)) {
    throw new Refusal(400, "SIZE_INVALID", "Content-Range does not fit the body");
  }
  if (start !== session.size || session.busy) {
    throw new Refusal(416, "BLOB_UPLOAD_INVALID", `the upload stands at ${session.size} bytes`, progress(session));
  }
  const came = await uploads.append(session, request, exchange.limits.blobBytes);
  if (came === end - start + 1) return;
  await uploads.cancel(session);
  throw new Refusal(400, "SIZE_INVALID", "Content-Range does not fit the body");
}

async function finishUpload(exchange: Exchange, session: UploadSession, wanted: Digest): Promise<void> {
  const { store, uploads, repository } = exchange;
  if (session.busy) throw new Refusal(409, "BLOB_UPLOAD_INVALID", "another request writes to this upload");
  session.busy = true;
  uploads.forget(session);
  try {
    if ((await uploads.digest(session, wanted)) !== wanted) throw wrongDigest(wanted);
    const record = { k: "blob", r: repository, d: wanted, s: session.size } as const;
    if (store.anyBlob(wanted) === undefined) await store.commitUpload(wanted, session.path, record);
    else await store.commit(record);
  } finally {
    await rm(session.path, { force: true });
  }
  answerCreated(exchange, wanted);
}

function answerCreated(exchange: Exchange, digest: Digest): void {
  answerEmpty(exchange.response, 201, {
    Location: `/v2/${exchange.repository}/blobs/${digest}`,
    "Docker-Content-Digest": digest,
  });
}

function progress(session: UploadSession): Record<string, string> {
  return {
    Location: `/v2/${session.repository}/blobs/uploads/${session.id}`,
    Range: `0-${Math.max(0, session.size - 1)}`,
    "Docker-Upload-UUID": session.id,
  };
}

function wrongDigest(wanted: Digest): Refusal {
  return new Refusal(400, "DIGEST_INVALID", `what came is not ${wanted}`);
}
