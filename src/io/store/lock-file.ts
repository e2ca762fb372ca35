import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { StoreError } from "./error.ts";
import { isAlive, ownIdentity, type ProcessIdentity } from "./process-identity.ts";

/** What the lock file says; others use `address` and `token` to reach the process that holds the directory. */
export interface LockHolder {
  readonly pid: number;
  /** `host:port` of the local API, once it listens. */
  readonly address?: string;
  readonly token?: string;
}

export interface LockFile {
  /** Writes where this process can be reached, for others to read. */
  readonly announce: (address: string, token: string) => Promise<void>;
  readonly release: () => Promise<void>;
  /** Whether the holder before this one ended without giving it back. */
  readonly tookOver: boolean;
}

/** Milliseconds. The holder touches its file this often; from another container a lock that nobody touched for `staleMs` is taken for dead. */
const touchMs = 2_000;
const staleMs = 10_000;

const shape = z.object({
  id: z.string(),
  pid: z.number().int().positive(),
  started: z.string().optional(),
  space: z.string().optional(),
  address: z.string().max(300).optional(),
  token: z.string().max(300).optional(),
});
type Content = z.output<typeof shape>;

/**
 * Takes the lock at `path`, or throws LOCKED, naming pid and address of who holds it. A lock whose process is gone is taken over; of several
 * that try, one succeeds. `onLost` is called when the file is another's all at once: then this process must not write any more.
 */
export async function takeLock(path: string, onLost: (error: StoreError) => void): Promise<LockFile> {
  await mkdir(dirname(path), { recursive: true });
  const own: Content = { id: randomUUID(), ...withoutUndefined(ownIdentity()) };
  for (let attempt = 0; !(await tryLink(path, own)); attempt += 1) {
    const held = await readContent(path);
    if (held === undefined) continue;
    if (attempt >= 20 || !(await isStale(path, held))) throw lockedBy(path, held);
    if (await succeed(path, held, own)) return holdLock(path, own, true, onLost);
  }
  return holdLock(path, own, false, onLost);
}

/** Who holds the lock at `path`; undefined where nobody does. */
export async function readLock(path: string): Promise<LockHolder | undefined> {
  const held = await readContent(path);
  if (held === undefined || (await isStale(path, held))) return undefined;
  const { pid, address, token } = held;
  return { pid, ...(address === undefined ? {} : { address }), ...(token === undefined ? {} : { token }) };
}

function holdLock(path: string, own: Content, tookOver: boolean, onLost: (error: StoreError) => void): LockFile {
  const touch = async (): Promise<void> => {
    const found = await readContent(path);
    if (found?.id === own.id) {
      await utimes(path, new Date(), new Date());
      return;
    }
    clearInterval(timer);
    onLost(lostLock(path));
  };
  const timer = setInterval(() => void touch().catch(() => undefined), touchMs);
  timer.unref();
  return {
    tookOver,
    announce: async (address, token) => {
      if ((await readContent(path))?.id !== own.id) throw lostLock(path);
      await replaceFile(path, { ...own, address, token });
    },
    release: async () => {
      clearInterval(timer);
      if ((await readContent(path))?.id === own.id) await rm(path, { force: true });
    },
  };
}

/** A link appears whole or not at all, and only where there is none: nobody reads a lock that is half written. */
async function tryLink(path: string, content: Content): Promise<boolean> {
  const aside = `${path}.${content.id}`;
  await writeFile(aside, JSON.stringify(content), { mode: 0o600 });
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

/**
 * Puts `own` in the place of a stale lock; false where it is no longer that one. A lock has one successor ever: who makes the file that names it
 * first. A successor that died before it was done has one in its turn.
 */
async function succeed(path: string, held: Content, own: Content): Promise<boolean> {
  const claims: string[] = [];
  for (let last = held; ;) {
    const claim = `${path}.after-${last.id}`;
    claims.push(claim);
    if (await tryLink(claim, own)) break;
    const rival = await readContent(claim);
    if (rival === undefined) return false;
    if (!(await isStale(claim, rival))) throw lockedBy(path, rival);
    last = rival;
  }
  try {
    // Claims are removed once the lock is another's: one that was made after that is seen by it.
    if ((await readContent(path))?.id !== held.id) return false;
    await replaceFile(path, own);
    return true;
  } finally {
    for (const claim of claims) await rm(claim, { force: true });
  }
}

async function replaceFile(path: string, content: Content): Promise<void> {
  const aside = `${path}.${content.id}`;
  await writeFile(aside, JSON.stringify(content), { mode: 0o600 });
  await rename(aside, path);
}

async function isStale(path: string, held: Content): Promise<boolean> {
  const identity: ProcessIdentity = { pid: held.pid, started: held.started, space: held.space };
  const alive = isAlive(identity);
  if (alive !== undefined) return !alive;
  const touched = await stat(path).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs > staleMs;
}

/** Undefined where there is no file, or one that no version of ours wrote and that is older than any writing takes. */
async function readContent(path: string): Promise<Content | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const parsed = shape.safeParse(parseJson(text.slice(0, 10_000)));
  if (parsed.success) return parsed.data;
  throw new StoreError("LOCKED", `${path} is not a lock file of ours`, {
    hint: "Remove it when no Tidemill runs on this directory.",
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function lockedBy(path: string, held: Content): StoreError {
  const where = held.address === undefined ? "" : `, reachable at ${held.address}`;
  return new StoreError("LOCKED", `${dirname(path)} is held by process ${held.pid}${where}`, {
    hint: "One process holds the directory. Ask it through its local API, stop it, or give this one another directory.",
  });
}

function lostLock(path: string): StoreError {
  return new StoreError("LOCK_LOST", `${path}: another process took the directory over`, {
    hint: "This process stood still for too long. Start it again.",
  });
}

function withoutUndefined(identity: ProcessIdentity): Omit<Content, "id"> {
  const { pid, started, space } = identity;
  return { pid, ...(started === undefined ? {} : { started }), ...(space === undefined ? {} : { space }) };
}
