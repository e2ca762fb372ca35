import type { Descriptor } from "../../../core/image/index.ts";
import { collectBytes } from "../../../lib/index.ts";
import { RegistryError } from "../error.ts";
import { explain, type Requester } from "./requester.ts";
import { mayRepeat } from "./retry-after.ts";
import type { Answer, Body } from "./transport.ts";

/** What is known of a registry's ways, shared by all its repositories. */
export interface RegistryHabits {
  /** Whether it takes a whole blob in one POST; undefined before the first try. */
  singlePost: boolean | undefined;
  /** Whether it mounted a blob from a repository that had it; undefined before the first try. */
  mounts: boolean | undefined;
  /** Whether it honours If-Match on tags. */
  conditionalTags: boolean;
  /** Whether it has the referrers API; undefined before the first try. */
  referrers: boolean | undefined;
  /** Whether HEAD says what a tag names; undefined before the first try. */
  heads: boolean | undefined;
}

export interface Upload {
  readonly requester: Requester;
  readonly habits: RegistryHabits;
  readonly repository: string;
  readonly descriptor: Descriptor;
  readonly open: () => AsyncIterable<Uint8Array>;
  /** Where a refused mount said to upload. */
  readonly location?: URL | undefined;
  /** Send in pieces of this many bytes; 0 sends a blob in one piece. */
  readonly chunkBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** Blobs up to this many bytes are held in memory and sent with the first request where the registry takes that. */
export const smallBlob = 64 * 1024;

/** Sends a blob and resolves to the bytes sent. distribution-spec 1.1, Pushing blobs. */
export async function uploadBlob(upload: Upload): Promise<number> {
  const { requester, descriptor, signal } = upload;
  let { location } = upload;
  for (let attempt = 0; ; attempt++) {
    try {
      await uploadOnce({ ...upload, location });
      return descriptor.size;
    } catch (error) {
      if (attempt >= requester.retries || !mayRepeat(error)) throw error;
      location = undefined;
      await requester.pause(attempt, error.retryAfterMs, signal);
      if (await hasBlob(requester, upload.repository, descriptor, signal)) return descriptor.size;
    }
  }
}

/** Whether the repository has the blob; one that has another size is WRONG_SIZE. */
export async function hasBlob(
  requester: Requester,
  repository: string,
  descriptor: Descriptor,
  signal?: AbortSignal,
): Promise<boolean> {
  const answer = await requester.ask({
    method: "HEAD",
    to: `/v2/${repository}/blobs/${descriptor.digest}`,
    scopes: [pushScope(repository)],
    signal,
    expect: [200, 404],
    what: `look for blob ${descriptor.digest} in ${repository}`,
  });
  void answer.drain();
  const length = answer.header("content-length");
  if (answer.status === 200 && length !== undefined && Number(length) !== descriptor.size) {
    throw new RegistryError(
      "WRONG_SIZE",
      `${repository} has ${descriptor.digest} with ${length} bytes, not ${descriptor.size}`,
    );
  }
  return answer.status === 200;
}

/** The scope that pushing needs. Distribution's token scope grammar. */
export function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`;
}

async function uploadOnce(upload: Upload): Promise<void> {
  const { descriptor, chunkBytes } = upload;
  if (chunkBytes > 0 && descriptor.size > chunkBytes) {
    return uploadChunks(upload, upload.location ?? (await startUpload(upload)));
  }
  const body = await bodyOf(upload);
  if (upload.location !== undefined) return finishUpload(upload, upload.location, body);
  const canPost = upload.habits.singlePost ?? descriptor.size <= smallBlob;
  if (!canPost) return finishUpload(upload, await startUpload(upload), body);

  const answer = await ask(upload, "POST", `${uploadsPath(upload)}?digest=${descriptor.digest}`, [201, 202], body);
  void answer.drain();
  upload.habits.singlePost = answer.status === 201;
  if (answer.status === 202) await finishUpload(upload, locationOf(upload, answer), body);
}

async function startUpload(upload: Upload): Promise<URL> {
  const answer = await ask(upload, "POST", uploadsPath(upload), [202]);
  void answer.drain();
  return locationOf(upload, answer);
}

async function finishUpload(upload: Upload, location: URL, body: Body | undefined): Promise<void> {
  const to = new URL(location);
  to.searchParams.set("digest", upload.descriptor.digest);
  const answer = await ask(upload, "PUT", to, [201, 204], body ?? new Uint8Array());
  void answer.drain();
}

/** PATCH after PATCH; after a failure the registry is asked how far it came. distribution-spec 1.1, Pushing a blob in chunks. */
async function uploadChunks(upload: Upload, start: URL): Promise<void> {
  const { requester, descriptor, signal } = upload;
  let location = start;
  let sent = 0;
  let failures = 0;
  for await (const chunk of inChunks(upload.open(), upload.chunkBytes)) {
    const end = sent + chunk.byteLength;
    while (sent < end) {
      const rest = chunk.subarray(chunk.byteLength - (end - sent));
      try {
        const answer = await ask(upload, "PATCH", location, [202], rest, {
          "content-range": `${sent}-${end - 1}`,
        });
        void answer.drain();
        location = locationOf(upload, answer);
        sent = end;
        failures = 0;
      } catch (error) {
        const again = mayRepeat(error) || (error instanceof RegistryError && error.message.includes("answered 416"));
        if (!again || failures >= requester.retries) throw error;
        await requester.pause(failures++, error.retryAfterMs, signal);
        const state = await ask(upload, "GET", location, [204]);
        void state.drain();
        location = locationOf(upload, state, location);
        const have = Number(/^0-(\d+)$/.exec(state.header("range") ?? "")?.[1] ?? 0) + 1;
        // Distribution says 0-0 both for one byte and for none.
        sent = have === 1 && end - chunk.byteLength === 0 ? 0 : have;
        if (sent < end - chunk.byteLength || sent > end) {
          throw new RegistryError(
            "SERVER_ERROR",
            `upload of ${descriptor.digest}: the registry stands at byte ${sent}, we at ${end}`,
            {
              retry: true,
            },
          );
        }
      }
    }
  }
  await finishUpload(upload, location, undefined);
}

async function* inChunks(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  let parts: Uint8Array[] = [];
  let held = 0;
  for await (let bytes of source) {
    while (held + bytes.byteLength >= size) {
      parts.push(bytes.subarray(0, size - held));
      bytes = bytes.subarray(size - held);
      yield Buffer.concat(parts);
      [parts, held] = [[], 0];
    }
    if (bytes.byteLength > 0) parts.push(bytes);
    held += bytes.byteLength;
  }
  if (held > 0) yield Buffer.concat(parts);
}

/** A blob that fits in memory is read once, so that it can be sent twice. */
async function bodyOf(upload: Upload): Promise<Body> {
  const { descriptor, open } = upload;
  if (descriptor.size > smallBlob) return { length: descriptor.size, open };
  const bytes = await collectBytes(open(), descriptor.size, `blob ${descriptor.digest}`);
  if (bytes.byteLength === descriptor.size) return bytes;
  throw new RegistryError(
    "WRONG_SIZE",
    `blob ${descriptor.digest} has ${bytes.byteLength} bytes, not ${descriptor.size}`,
  );
}

/** One request of an upload. It is not repeated by itself: a repetition must begin where the registry stands. */
async function ask(
  upload: Upload,
  method: "GET" | "POST" | "PUT" | "PATCH",
  to: string | URL,
  expect: readonly number[],
  body?: Body,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const what = `upload of ${upload.descriptor.digest} to ${upload.repository}`;
  const answer = await upload.requester.ask({
    method,
    to,
    scopes: [pushScope(upload.repository)],
    headers: { ...(body === undefined ? {} : { "content-type": "application/octet-stream" }), ...headers },
    body,
    signal: upload.signal,
    expect: [...expect, 404],
    what,
    repeatable: typeof to === "string",
  });
  if (answer.status !== 404) return answer;
  const error = await explain(answer, what);
  // The session is gone: the whole upload begins again.
  throw typeof to === "string" ? error : new RegistryError("SERVER_ERROR", error.message, { retry: true });
}

function locationOf(upload: Upload, answer: Answer, otherwise?: URL): URL {
  const location = answer.header("location");
  if (location === undefined && otherwise !== undefined) return otherwise;
  return upload.requester.follow(location, answer.url, `upload to ${upload.repository}`);
}

function uploadsPath(upload: Upload): string {
  return `/v2/${upload.repository}/blobs/uploads/`;
}
