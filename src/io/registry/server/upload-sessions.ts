import { createHash, randomUUID, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rm, type FileHandle } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Clock, Digest } from "../../../lib/index.ts";
import { Refusal } from "./refusal.ts";

/** An upload under way. */
export interface UploadSession {
  readonly id: string;
  readonly repository: string;
  readonly path: string;
  size: number;
  usedAt: number;
  busy: boolean;
  readonly sha256: Hash;
}

/** Uploads under way. They live as long as the process: at the next start their files are thrown away. */
export interface UploadSessions {
  start(repository: string): Promise<UploadSession>;
  find(id: string, repository: string): UploadSession;
  /** Appends the request's body and resolves to its bytes; what came before a broken connection stays. */
  append(session: UploadSession, request: IncomingMessage, limit: number): Promise<number>;
  /** The digest of all that came, by the algorithm of `like`. */
  digest(session: UploadSession, like: Digest): Promise<Digest>;
  /** Forgets the session; its file is the caller's now. */
  forget(session: UploadSession): void;
  cancel(session: UploadSession): Promise<void>;
  /** Cancels what nobody touched for `ms`. */
  expire(ms: number): Promise<number>;
  count(): number;
}

class BrokenUpload extends Refusal {
  constructor() {
    super(400, "BLOB_UPLOAD_INVALID", "the connection broke");
  }
}

const writeBytes = 512 * 1024;

/** The sessions of one registry; `newPath` gives each a file. */
export function createUploadSessions(newPath: () => string, clock: Clock, max: number): UploadSessions {
  const sessions = new Map<string, UploadSession>();

  async function cancel(session: UploadSession): Promise<void> {
    sessions.delete(session.id);
    await rm(session.path, { force: true });
  }

  return {
    start: async (repository) => {
      if (sessions.size >= max) {
        throw new Refusal(429, "TOOMANYREQUESTS", `${max} uploads are open already`, { "Retry-After": "5" });
      }
      const id = randomUUID();
      const session: UploadSession = {
        id,
        repository,
        path: newPath(),
        size: 0,
        usedAt: clock.now(),
        busy: false,
        sha256: createHash("sha256"),
      };
      sessions.set(id, session);
      await (await open(session.path, "wx", 0o600)).close();
      return session;
    },
    find: (id, repository) => {
      const session = sessions.get(id);
      if (session?.repository !== repository) throw new Refusal(404, "BLOB_UPLOAD_UNKNOWN", "no such upload");
      return session;
    },
    append: async (session, request, limit) => {
      if (session.busy) throw new Refusal(409, "BLOB_UPLOAD_INVALID", "another request writes to this upload");
      session.busy = true;
      const before = session.size;
      try {
        await appendBody(session, request, limit);
      } catch (error) {
        // Only what a broken connection left is worth keeping; on a full disk its bytes are wanted.
        if (!(error instanceof BrokenUpload)) await cancel(session);
        throw error;
      } finally {
        session.busy = false;
        session.usedAt = clock.now();
      }
      return session.size - before;
    },
    digest: async (session, like) => {
      if (like.startsWith("sha256:")) return `sha256:${session.sha256.copy().digest("hex")}`;
      const hash = createHash("sha512");
      await pipeline(createReadStream(session.path), hash);
      return `sha512:${hash.digest("hex")}`;
    },
    forget: (session) => void sessions.delete(session.id),
    cancel,
    expire: async (ms) => {
      const stale = [...sessions.values()].filter((each) => !each.busy && clock.now() - each.usedAt > ms);
      for (const each of stale) await cancel(each);
      return stale.length;
    },
    count: () => sessions.size,
  };
}

async function appendBody(session: UploadSession, request: IncomingMessage, limit: number): Promise<void> {
  const file = await open(session.path, "r+");
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (session.size + waitingBytes + chunk.byteLength > limit) {
        throw new Refusal(413, "SIZE_INVALID", `a blob may have ${limit} bytes`);
      }
      waiting.push(chunk);
      waitingBytes += chunk.byteLength;
      if (waitingBytes < writeBytes) continue;
      await writeChunks(session, file, waiting);
      [waiting, waitingBytes] = [[], 0];
    }
    await writeChunks(session, file, waiting);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
    await writeChunks(session, file, waiting);
    throw new BrokenUpload();
  } finally {
    await file.close();
  }
}

async function writeChunks(session: UploadSession, file: FileHandle, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) {
    for (let done = 0; done < chunk.byteLength;) {
      done += (await file.write(chunk, done, chunk.byteLength - done, session.size + done)).bytesWritten;
    }
    session.sha256.update(chunk);
    session.size += chunk.byteLength;
  }
}
