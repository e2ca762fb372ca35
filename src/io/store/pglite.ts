import { readdir, rename, rm } from "node:fs/promises";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { messageOf, type Logger } from "../../lib/index.ts";
import { StoreError } from "./error.ts";
import type { PgliteReply, PgliteRequest } from "./pglite-message.ts";
import { sqlError } from "./sql-error.ts";
import type { SqlConnection, SqlEngine, SqlResult } from "./sql-engine.ts";

type Unnumbered<Request> = Request extends PgliteRequest ? Omit<Request, "id"> : never;
type Ask = Unnumbered<PgliteRequest>;

interface Waiting {
  resolve(result: SqlResult): void;
  reject(error: StoreError): void;
}

const run = promisify(execFile);

/** Milliseconds; the first start makes the directory, and may find a slow disk or a busy machine. */
const openMs = 120_000;

/**
 * PGlite in `directory`, in a thread of its own. It has one session: who wants it waits until it is free. PGlite cannot
 * interrupt a statement, so one that takes longer than `statementMs` costs the thread: it is ended, as a power cut would,
 * and the directory is opened again; what was committed is there, an open transaction is gone.
 */
export async function openPglite(
  directory: string,
  options: { readonly statementMs: number; readonly log: Logger },
): Promise<SqlEngine> {
  let thread = await openThread(directory);
  let closed: StoreError | undefined;
  let turn: Promise<void> = Promise.resolve();
  const turns = new WeakMap<SqlConnection, () => void>();

  const ask = (request: Ask): Promise<SqlResult> => {
    if (closed !== undefined) return Promise.reject(closed);
    return thread.ask(request, options.statementMs);
  };
  const session = (): SqlConnection => {
    const granted = thread;
    // A transaction that outlived its thread must not go on in the new one.
    const guard = (request: Ask): Promise<SqlResult> =>
      granted === thread && !granted.ended ? ask(request) : Promise.reject(threadEnded());
    return {
      query: (text, values = [], plain = false) => guard({ kind: "query", text, values, plain }),
      script: (text, plain = false) => guard({ kind: "script", text, plain }),
    };
  };

  return {
    kind: "pglite",
    acquire: async () => {
      const before = turn;
      let done = (): void => undefined;
      turn = new Promise((resolve) => (done = resolve));
      await before;
      try {
        if (closed !== undefined) throw closed;
        if (thread.ended) {
          options.log.warn("the database's thread was ended and is started again");
          thread = await openThread(directory);
        }
      } catch (error) {
        done();
        throw error;
      }
      const connection = session();
      turns.set(connection, done);
      return connection;
    },
    release: (connection) => {
      turns.get(connection)?.();
      turns.delete(connection);
      return Promise.resolve();
    },
    close: async () => {
      if (closed !== undefined) return;
      await turn;
      closed = new StoreError("UNAVAILABLE", "the store is closed");
      await thread.ask({ kind: "close" }, openMs).catch(() => undefined);
      await thread.end(closed);
    },
  };
}

interface Thread {
  readonly ended: boolean;
  ask(request: Ask, withinMs: number): Promise<SqlResult>;
  end(reason: StoreError): Promise<void>;
}

function threadEnded(): StoreError {
  return new StoreError("UNAVAILABLE", "the database's thread ended", { retry: true });
}

/** Makes a new database at `directory`, whole or not at all, in a process that ends with it. */
export async function createPglite(directory: string): Promise<void> {
  await removeUnfinished(directory);
  // A name of its own: the process that a killed server left behind may still be writing to the one before.
  const making = `${directory}${unfinished}${randomUUID().slice(0, 8)}`;
  try {
    // Nothing of the environment: what an operator sets for Node or PostgreSQL is not meant for it.
    await run(process.execPath, [fileURLToPath(besideThis("create-pglite-worker")), making], {
      timeout: openMs,
      env: {},
    });
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    throw new StoreError("DISK", `a database cannot be made at ${directory}: ${messageOf(error).slice(0, 2000)}`, {
      cause: error,
      hint: "Is there space, and may this user write there?",
    });
  }
  await rename(making, directory);
}

const unfinished = ".new-";

/** What a power cut left: what a process is still writing to, that process takes away. */
async function removeUnfinished(directory: string): Promise<void> {
  const folder = dirname(directory);
  for (const name of await readdir(folder).catch(() => []))
    if (name.startsWith(`${basename(directory)}${unfinished}`))
      await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
}

async function openThread(directory: string): Promise<Thread> {
  const worker = new Worker(besideThis("pglite-worker"), { name: "store" });
  const waiting = new Map<number, Waiting>();
  let last = 0;
  let ended = false;

  const fail = (error: StoreError): void => {
    ended = true;
    for (const one of waiting.values()) one.reject(error);
    waiting.clear();
  };
  worker.on("message", (reply: PgliteReply) => {
    const one = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if ("failure" in reply) one?.reject(sqlError(reply.failure, reply.failure));
    else one?.resolve({ rows: reply.rows, affected: reply.affected });
  });
  worker.on("error", (error) =>
    fail(
      new StoreError("UNAVAILABLE", `the database's thread failed: ${error.message}`, { retry: true, cause: error }),
    ),
  );
  worker.on("exit", () => fail(threadEnded()));

  const end = async (reason: StoreError): Promise<void> => {
    fail(reason);
    await worker.terminate();
  };
  const ask = (request: Ask, withinMs: number): Promise<SqlResult> => {
    if (ended) return Promise.reject(threadEnded());
    const id = ++last;
    worker.ref();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const text = request.kind === "query" ? request.text.slice(0, 200) : request.kind;
        void end(new StoreError("TIMEOUT", `the database took longer than ${withinMs} ms: ${text}`, { retry: true }));
      }, withinMs);
      waiting.set(id, {
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      // A thread has no origin: the rule means windows.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin
      worker.postMessage({ ...request, id });
    });
  };

  try {
    await ask({ kind: "open", directory }, openMs);
  } catch (error) {
    await end(threadEnded());
    throw error;
  }
  return {
    get ended() {
      return ended;
    },
    ask,
    end,
  };
}

/** A file beside this one: .ts in development, .js once compiled. */
function besideThis(name: string): URL {
  return new URL(`./${name}${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
}
