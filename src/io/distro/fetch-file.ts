import { createHash } from "node:crypto";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { request, type Dispatcher } from "undici";
import { digestHex, messageOf, syncFolder, type Clock, type Digest } from "../../lib/index.ts";
import { DistroError, isDiskError } from "./error.ts";

export interface FetchLimits {
  readonly redirects: number;
  /** Milliseconds until the first byte, and between two. */
  readonly idleMs: number;
  /** Bytes a second, on average once {@link FetchLimits.idleMs} have passed: a server that drips is given up. */
  readonly leastRate: number;
  readonly attempts: number;
}

export const defaultFetchLimits: FetchLimits = { redirects: 5, idleMs: 30_000, leastRate: 1024, attempts: 4 };

const mirrorHint = "Is the mirror up, and is its address right? What was fetched before stays in use.";

const redirectHint = "Name the mirror that it should lead to. What was fetched before stays in use.";

export interface FetchContext {
  readonly clock: Clock;
  readonly limits: FetchLimits;
  readonly dispatcher?: Dispatcher;
}

/** What a server said of a small document. */
export type FetchedText =
  | { readonly kind: "not-modified" }
  | { readonly kind: "missing" }
  | {
      readonly kind: "fetched";
      readonly bytes: Buffer;
      readonly etag: string | undefined;
      readonly modified: string | undefined;
    };

interface Conditions {
  readonly etag?: string | undefined;
  readonly modified?: string | undefined;
}

/** A document of at most `limit` bytes, asked for with conditions. Throws UNREACHABLE, BAD_REDIRECT, TOO_LARGE. */
export async function fetchDocument(
  url: string,
  limit: number,
  conditions: Conditions,
  context: FetchContext,
  signal?: AbortSignal,
): Promise<FetchedText> {
  return attempt(url, context, signal, async () => {
    const headers: Record<string, string> = {};
    if (conditions.etag !== undefined) headers["if-none-match"] = conditions.etag;
    else if (conditions.modified !== undefined) headers["if-modified-since"] = conditions.modified;
    const response = await follow(url, headers, context, signal);
    if (response.statusCode === 304 || response.statusCode === 404) {
      await response.body.dump();
      return { kind: response.statusCode === 304 ? "not-modified" : "missing" };
    }
    requireOk(url, response);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of chunksOf(url, response, context)) {
      size += chunk.byteLength;
      if (size > limit) {
        throw new DistroError("TOO_LARGE", `${url} is larger than ${limit} bytes`, {
          hint: "This is no mirror of the suite. What was fetched before stays in use.",
        });
      }
      chunks.push(chunk);
    }
    const header = (name: string): string | undefined => {
      const value = response.headers[name];
      return typeof value === "string" ? value : undefined;
    };
    if (Number(header("content-length") ?? size) !== size) throw cut(url);
    return { kind: "fetched", bytes: Buffer.concat(chunks), etag: header("etag"), modified: header("last-modified") };
  });
}

export interface ExpectedFile {
  readonly size: number;
  readonly sha256: Digest;
}

/**
 * Brings the file at `url` to `path`, whole and with the size and digest that were promised, or leaves nothing there. A download that was cut goes on where it
 * stopped. Throws UNREACHABLE, MISSING, BAD_REDIRECT, HASH_MISMATCH.
 */
export async function downloadFile(
  url: string,
  path: string,
  expected: ExpectedFile,
  context: FetchContext,
  signal?: AbortSignal,
): Promise<void> {
  const part = `${path}.part`;
  await attempt(url, context, signal, () => downloadPart(url, part, expected, context, signal));
  await rename(part, path);
  await syncFolder(dirname(path));
}

async function downloadPart(
  url: string,
  part: string,
  expected: ExpectedFile,
  context: FetchContext,
  signal: AbortSignal | undefined,
): Promise<void> {
  const hash = createHash("sha256");
  const kept = await hashPrefix(part, hash, expected.size);
  let size = kept;
  if (size < expected.size) {
    const headers: Record<string, string> = size > 0 ? { range: `bytes=${size}-` } : {};
    const response = await follow(url, headers, context, signal);
    const resumed = response.statusCode === 206;
    if (!resumed) requireOk(url, response);
    if (!resumed && size > 0) {
      await response.body.dump();
      await rm(part, { force: true });
      throw new DistroError("UNREACHABLE", `${url}: the server does not resume downloads`, { retry: true });
    }
    const file = await open(part, size > 0 ? "a" : "w");
    try {
      for await (const chunk of chunksOf(url, response, context)) {
        size += chunk.byteLength;
        if (size > expected.size) break;
        hash.update(chunk);
        // Unlike write, which may stop short on a disk that fills up.
        await file.writeFile(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    const isAll = size - kept === Number(response.headers["content-length"]);
    if (size < expected.size && !isAll) throw cut(url);
  }
  const actual = hash.digest("hex");
  if (size !== expected.size || actual !== digestHex(expected.sha256)) {
    await rm(part, { force: true });
    throw new DistroError(
      "HASH_MISMATCH",
      `${url} is not the file that the signed index names (${expected.size} bytes, ${expected.sha256})`,
      {
        hint: "The mirror is in the middle of an update, or serves something else. Nothing of it is used.",
        // What an earlier attempt left may have been of another file.
        retry: kept > 0,
      },
    );
  }
}

/** Feeds what an earlier attempt left to the hash; resolves to its size, 0 where it cannot be the beginning of the file. */
async function hashPrefix(part: string, hash: ReturnType<typeof createHash>, limit: number): Promise<number> {
  const size = await stat(part).then(
    (found) => found.size,
    () => 0,
  );
  if (size === 0 || size > limit) {
    await rm(part, { force: true });
    return 0;
  }
  const file = await open(part, "r");
  try {
    for await (const chunk of file.createReadStream({ autoClose: false })) hash.update(chunk as Uint8Array);
  } finally {
    await file.close();
  }
  return size;
}

async function follow(
  url: string,
  headers: Readonly<Record<string, string>>,
  context: FetchContext,
  signal: AbortSignal | undefined,
): Promise<Dispatcher.ResponseData> {
  let at = new URL(url);
  for (let hop = 0; hop <= context.limits.redirects; hop += 1) {
    const response = await request(at.href, {
      headers: { "accept-encoding": "identity", ...headers },
      headersTimeout: context.limits.idleMs,
      bodyTimeout: context.limits.idleMs,
      ...(signal === undefined ? {} : { signal }),
      ...(context.dispatcher === undefined ? {} : { dispatcher: context.dispatcher }),
    });
    const location = response.headers["location"];
    if (response.statusCode < 300 || response.statusCode >= 400 || response.statusCode === 304) return response;
    await response.body.dump();
    if (typeof location !== "string" || !URL.canParse(location, at.href)) break;
    const next = new URL(location, at.href);
    const isWeaker = at.protocol === "https:" && next.protocol !== "https:";
    if (isWeaker || !/^https?:$/.test(next.protocol)) {
      throw new DistroError(
        "BAD_REDIRECT",
        `${url} redirects to ${next.protocol}//${next.host}, which is not followed`,
        { hint: redirectHint },
      );
    }
    at = next;
  }
  throw new DistroError("BAD_REDIRECT", `${url} redirects too often, or to nowhere`, { hint: redirectHint });
}

/** The pieces of an answer; throws UNREACHABLE where they come too slowly. */
async function* chunksOf(
  url: string,
  response: Dispatcher.ResponseData,
  { clock, limits }: FetchContext,
): AsyncGenerator<Uint8Array> {
  const start = clock.now();
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    const elapsed = clock.now() - start;
    if (elapsed > limits.idleMs && size * 1000 < elapsed * limits.leastRate) {
      throw new DistroError("UNREACHABLE", `${url}: ${size} bytes in ${elapsed} ms are too few`, {
        hint: mirrorHint,
        retry: true,
      });
    }
    yield chunk;
  }
}

function requireOk(url: string, response: Dispatcher.ResponseData): void {
  if (response.statusCode === 200) return;
  void response.body.dump().catch(() => undefined);
  if (response.statusCode === 404 || response.statusCode === 410) {
    throw new DistroError("MISSING", `${url}: the mirror does not have it`, {
      hint: "The mirror is in the middle of an update, or has dropped the file since. Refresh the suite, or try another mirror.",
    });
  }
  const retry = response.statusCode >= 500 || response.statusCode === 429;
  throw new DistroError("UNREACHABLE", `${url} answers ${response.statusCode}`, { hint: mirrorHint, retry });
}

function cut(url: string): DistroError {
  return new DistroError("UNREACHABLE", `${url}: the download was cut off`, { hint: mirrorHint, retry: true });
}

async function attempt<T>(
  url: string,
  context: FetchContext,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (isDiskError(error)) throw error;
      const known = error instanceof DistroError;
      if ((known && !error.retry) || tried >= context.limits.attempts) {
        if (known) throw error;
        throw new DistroError("UNREACHABLE", `${url} cannot be reached: ${messageOf(error)}`, {
          hint: mirrorHint,
          retry: true,
          cause: error,
        });
      }
      await context.clock.sleep(Math.random() * 250 * 2 ** tried, signal);
    }
  }
}
