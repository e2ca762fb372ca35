import { createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { request } from "undici";
import { limitBytes, LimitError, messageOf, type Instant } from "../../lib/index.ts";
import { FeedError } from "./error.ts";
import type { FeedLimits } from "./types.ts";

/** What lets the server say that nothing changed. RFC 9110, 13.1. */
export interface Validators {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
}

export type Download =
  | { readonly kind: "unchanged" }
  | { readonly kind: "changed"; readonly validators: Validators; readonly modified: Instant | undefined };

const maxRedirects = 5;

/** Downloads `address` to `path`, unless the server says it is what `known` names. Throws FEED_UNREACHABLE, FEED_TOO_LARGE or FEED_TORN (fewer bytes than announced); `path` is then gone. */
export async function downloadFeed(
  address: string,
  path: string,
  known: Validators,
  limits: FeedLimits,
  signal?: AbortSignal,
): Promise<Download> {
  await mkdir(dirname(path), { recursive: true });
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const within = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  try {
    const { statusCode, headers, body } = await get(address, known, within);
    if (statusCode === 304) {
      await body.dump();
      return { kind: "unchanged" };
    }
    if (statusCode !== 200) {
      await body.dump();
      throw unreachable(address, `the server answers ${statusCode}`);
    }
    const announced = Number(header(headers, "content-length") ?? Number.NaN);
    let received = 0;
    const counted = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of limitBytes(chunks, limits.download, address)) {
        received += chunk.byteLength;
        yield chunk;
      }
    };
    await pipeline(Readable.from(counted(body), { objectMode: false }), createWriteStream(path));
    if (!Number.isNaN(announced) && received !== announced)
      throw new FeedError("FEED_TORN", `${address}: ${received} of ${announced} bytes came`, { retry: true });
    const lastModified = header(headers, "last-modified");
    const modified = Date.parse(lastModified ?? "");
    const validators = { etag: header(headers, "etag"), lastModified };
    return { kind: "changed", validators, modified: Number.isNaN(modified) ? undefined : modified };
  } catch (error) {
    await rm(path, { force: true });
    if (error instanceof FeedError) throw error;
    if (error instanceof LimitError) throw new FeedError("FEED_TOO_LARGE", error.message, { cause: error });
    throw unreachable(address, messageOf(error), error);
  }
}

async function get(address: string, known: Validators, signal: AbortSignal) {
  let url = new URL(address);
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    const headers = {
      "user-agent": "tidemill",
      ...(known.etag === undefined ? {} : { "if-none-match": known.etag }),
      ...(known.lastModified === undefined ? {} : { "if-modified-since": known.lastModified }),
    };
    const answer = await request(url, { headers, signal });
    if (answer.statusCode < 301 || answer.statusCode > 308 || answer.statusCode === 304) return answer;
    await answer.body.dump();
    const next = new URL(header(answer.headers, "location") ?? "", url);
    const isWorse = url.protocol === "https:" && next.protocol !== "https:";
    if (isWorse || !/^https?:$/.test(next.protocol)) throw unreachable(address, `it redirects to ${next.protocol}`);
    url = next;
  }
  throw unreachable(address, `more than ${maxRedirects} redirects`);
}

function header(headers: Record<string, string | string[] | undefined>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function unreachable(address: string, why: string, cause?: unknown): FeedError {
  return new FeedError("FEED_UNREACHABLE", `${address}: ${why}`, {
    cause,
    retry: true,
    hint: "Check the feed's address in the configuration, and the network.",
  });
}
