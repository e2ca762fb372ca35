import { createHash } from "node:crypto";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { request, type Dispatcher } from "undici";
import { digestHex, messageOf, syncFolder, type Clock, type Digest } from "../../lib/index.ts";
import { DistroError } from "./error.ts";

export interface FetchLimits {
  readonly redirects: number;
  /** Milliseconds until the first byte, and between two. */
  readonly idleMs: number;
  readonly attempts: number;
}

export const defaultFetchLimits: FetchLimits = { redirects: 5, idleMs: 30_000, attempts: 4 };

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
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > limit) throw new DistroError("TOO_LARGE", `${url} is larger than ${limit} bytes`);
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
 * stopped. Throws UNREACHABLE, BAD_REDIRECT, HASH_MISMATCH.
 */
export async function downloadFile(
  url: string,
  path: string,
  expected: ExpectedFile,
  context: FetchContext,
  signal?: AbortSignal,
): Promise<void> {
  const part = `${path}.part`;
  try {
    await attempt(url, context, signal, () => downloadPart(url, part, expected, context, signal));
  } catch (error) {
    if (error instanceof DistroError && error.code === "HASH_MISMATCH") await rm(part, { force: true });
    throw error;
  }
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
  let size = await hashPrefix(part, hash, expected.size);
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
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        size += chunk.byteLength;
        if (size > expected.size) break;
        hash.update(chunk);
        await file.write(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    if (size < expected.size) throw cut(url);
  }
  const actual = hash.digest("hex");
  if (size !== expected.size || actual !== digestHex(expected.sha256)) {
    throw new DistroError(
      "HASH_MISMATCH",
      `${url} is not the file that the signed index names (${expected.size} bytes, ${expected.sha256})`,
      {
        hint: "The mirror is in the middle of an update, or serves something else. Nothing of it is used.",
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
      );
    }
    at = next;
  }
  throw new DistroError("BAD_REDIRECT", `${url} redirects too often, or to nowhere`);
}

function requireOk(url: string, response: Dispatcher.ResponseData): void {
  if (response.statusCode === 200) return;
  void response.body.dump().catch(() => undefined);
  const retry = response.statusCode >= 500 || response.statusCode === 429;
  throw new DistroError("UNREACHABLE", `${url} answers ${response.statusCode}`, { retry });
}

function cut(url: string): DistroError {
  return new DistroError("UNREACHABLE", `${url}: the download was cut off`, { retry: true });
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
      const known = error instanceof DistroError;
      if ((known && !error.retry) || tried >= context.limits.attempts) {
        if (known) throw error;
        throw new DistroError("UNREACHABLE", `${url} cannot be reached: ${messageOf(error)}`, {
          hint: "Is the mirror up, and is its address right? What was fetched before stays in use.",
          retry: true,
          cause: error,
        });
      }
      await context.clock.sleep(Math.random() * 250 * 2 ** tried, signal);
    }
  }
}
