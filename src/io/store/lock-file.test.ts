import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readLock, takeLock, type LockFile } from "./lock-file.ts";
import { ownIdentity } from "./process-identity.ts";

const noLoss = (): void => undefined;
let dir = "";
let path = "";
const held: LockFile[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "tidemill-lock-"));
  path = join(dir, "lock");
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const lock of held.splice(0)) await lock.release();
  await rm(dir, { recursive: true, force: true });
});

async function take(): Promise<LockFile> {
  const lock = await takeLock(path, noLoss);
  held.push(lock);
  return lock;
}

/** A process that holds the lock until it is killed. */
async function startHolder(): Promise<ChildProcess> {
  const script = `
    import { takeLock } from ${JSON.stringify(new URL("lock-file.ts", import.meta.url).href)};
    const lock = await takeLock(${JSON.stringify(path)}, () => undefined);
    await lock.announce("127.0.0.1:7070", "secret");
    process.stdout.write("held");
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  await once(child.stdout, "data");
  return child;
}

/** Writes a lock as another process would have left it. */
async function leaveLock(more: object, ageMs = 0): Promise<void> {
  await writeFile(path, JSON.stringify({ id: "another", ...ownIdentity(), ...more }));
  const touched = new Date(Date.now() - ageMs);
  await utimes(path, touched, touched);
}

describe("takeLock", () => {
  it("refuses a second holder, names the first and leaves its file as it is", async () => {
    const first = await take();
    await first.announce("127.0.0.1:4040", "token");
    const before = await readFile(path, "utf8");
    await expect(takeLock(path, noLoss)).rejects.toMatchObject({
      code: "LOCKED",
      message: `${dir} is held by process ${process.pid}, reachable at 127.0.0.1:4040`,
    });
    expect(await readFile(path, "utf8")).toBe(before);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await first.release();
    expect((await take()).tookOver).toBe(false);
  });

  it("tells another process where the holder is reached, and is its once that one was killed", async () => {
    const child = await startHolder();
    await expect(takeLock(path, noLoss)).rejects.toThrow(
      `is held by process ${child.pid ?? 0}, reachable at 127.0.0.1:7070`,
    );
    expect(await readLock(path)).toEqual({ pid: child.pid, address: "127.0.0.1:7070", token: "secret" });
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await readLock(path)).toBeUndefined();
    expect((await take()).tookOver).toBe(true);
  });

  it("takes over from a process whose number was given to another", async () => {
    await leaveLock({ started: "11111111-2222-3333-4444-555555555555:1" });
    expect((await take()).tookOver).toBe(true);
    expect((await readLock(path))?.pid).toBe(process.pid);
  });

  it("takes over from another container when nobody has touched the lock for ten seconds, not before", async () => {
    await leaveLock({ pid: 1, space: "pid:[1]" }, 5_000);
    await expect(takeLock(path, noLoss)).rejects.toMatchObject({ code: "LOCKED" });
    await leaveLock({ pid: 1, space: "pid:[1]" }, 11_000);
    expect((await take()).tookOver).toBe(true);
  });

  it("goes to one of many that find a dead holder's lock at once", async () => {
    for (let round = 0; round < 20; round += 1) {
      await leaveLock({ started: "ended long ago" });
      const tries = await Promise.allSettled(Array.from({ length: 10 }, () => takeLock(path, noLoss)));
      const won = tries.filter((one) => one.status === "fulfilled");
      expect(won).toHaveLength(1);
      await won[0]?.value.release();
    }
  });

  it("is not kept from anybody by one that died while it took over", async () => {
    await leaveLock({ id: "first", started: "ended long ago" });
    await writeFile(
      `${path}.after-first`,
      JSON.stringify({ id: "second", ...ownIdentity(), started: "ended as well" }),
    );
    expect((await take()).tookOver).toBe(true);
    expect(await readdir(dir)).toEqual(["lock"]);
  });

  it.each([
    ["empty", ""],
    ["cut off", '{"id":"a","pid":'],
    ["of something else", "12345\n"],
    ["with a number that is none", '{"id":"a","pid":-1}'],
  ])("does not take a file that is %s for a free lock", async (_what, text) => {
    await writeFile(path, text);
    await expect(takeLock(path, noLoss)).rejects.toMatchObject({ code: "LOCKED" });
    expect(await readFile(path, "utf8")).toBe(text);
  });

  it("tells a holder that stood still for too long that the lock is another's, and removes nothing of it", async () => {
    const lost = Promise.withResolvers<unknown>();
    const first = await takeLock(path, lost.resolve);
    await leaveLock({});
    expect(await lost.promise).toMatchObject({ code: "LOCK_LOST" });
    await first.release();
    expect(await readFile(path, "utf8")).toContain("another");
  });
});
