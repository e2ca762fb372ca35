import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { isDigest, type Digest } from "../../../lib/index.ts";
import { Refusal } from "./refusal.ts";
import { answerBytes, answerEmpty, type Exchange } from "./reply.ts";

/** Blobs up to this many bytes are read at once. */
const wholeLimit = 64 * 1024;

/** GET, HEAD and DELETE of `/v2/<name>/blobs/<digest>`. distribution-spec 1.1, Pulling blobs, Deleting Blobs. */
export async function serveBlob(exchange: Exchange): Promise<void> {
  const digest = digestOf(exchange.target);
  if (exchange.method === "DELETE") return deleteBlob(exchange, digest);
  const entry = exchange.store.blob(exchange.repository, digest);
  if (entry === undefined) throw unknown(digest);
  const headers = {
    "Content-Type": "application/octet-stream",
    "Docker-Content-Digest": digest,
    "Accept-Ranges": "bytes",
    ETag: `"${digest}"`,
  };
  if (exchange.method === "HEAD") {
    return answerEmpty(exchange.response, 200, { ...headers, "Content-Length": entry.size });
  }
  const range = parseRange(exchange.request.headers.range, entry.size);
  if (range === undefined && entry.size <= wholeLimit) {
    const bytes = await exchange.store.content.read(digest);
    if (bytes === undefined) throw unknown(digest);
    return answerBytes(exchange, 200, headers, bytes);
  }
  await streamBlob(exchange, digest, entry.size, range, headers);
}

/** The digest that `text` is, or a 400. */
export function digestOf(text: string): Digest {
  if (isDigest(text)) return text;
  throw new Refusal(400, "DIGEST_INVALID", "not a sha256 or sha512 digest");
}

async function streamBlob(
  exchange: Exchange,
  digest: Digest,
  size: number,
  range: { start: number; end: number } | undefined,
  headers: Record<string, string>,
): Promise<void> {
  const { start, end } = range ?? { start: 0, end: size - 1 };
  const file = await open(exchange.store.content.path(digest), "r").catch(() => {
    throw unknown(digest);
  });
  exchange.response.writeHead(range === undefined ? 200 : 206, {
    ...headers,
    "Content-Length": end - start + 1,
    "X-Content-Type-Options": "nosniff",
    ...(range === undefined ? {} : { "Content-Range": `bytes ${start}-${end}/${size}` }),
  });
  // A reader that leaves early is no error of ours.
  await pipeline(file.createReadStream({ start, end, highWaterMark: 256 * 1024 }), exchange.response).catch(
    () => undefined,
  );
}

async function deleteBlob(exchange: Exchange, digest: Digest): Promise<void> {
  const { store, repository } = exchange;
  if (store.blob(repository, digest) === undefined) throw unknown(digest);
  await store.removing(() => store.commit({ k: "unblob", r: repository, d: [digest] }));
  answerEmpty(exchange.response, 202, {});
}

/** One range of bytes; undefined for none, several, or another unit (RFC 9110, 14.2); throws 416. */
function parseRange(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (start > end || start >= size) {
    throw new Refusal(416, "SIZE_INVALID", "no such range", { "Content-Range": `bytes */${size}` });
  }
  return { start, end };
}

function unknown(digest: Digest): Refusal {
  return new Refusal(404, "BLOB_UNKNOWN", `${digest} is not in this repository`);
}
