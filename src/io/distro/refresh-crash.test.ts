import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDebianArchive, type DebianArchive } from "../../../test/fakes/debian-archive.ts";
import { publicKeyOf } from "../../../test/fakes/make-suite.ts";
import { sha256, systemClock } from "../../lib/index.ts";
import { createDistro } from "./index.ts";
import type { RefreshOrder } from "./testdata/refresh-worker.ts";

const program = fileURLToPath(new URL("./testdata/refresh-worker.ts", import.meta.url));
const start = Date.UTC(2026, 0, 10);
let archive: DebianArchive;
let dir: string;

beforeEach(async () => {
  archive = await createDebianArchive();
  dir = await mkdtemp(join(tmpdir(), "tidemill-crash-"));
});
afterEach(async () => {
  await archive.close();
  await rm(dir, { recursive: true, force: true });
});

/** A suite with two indices of some length, every stanza of which has the version `version`. */
async function publish(version: number): Promise<void> {
  const stanza = (at: number): string => `Package: lamp${at}\nVersion: ${version}\nArchitecture: all\n`;
  const packagesText = Array.from({ length: 400 }, (_, at) => stanza(at)).join("\n");
  const date = start + version * 60_000;
  await archive.publish({ suite: "tide", date, packages: [], architectures: ["amd64", "arm64"], packagesText });
}

function startWorker(limitBlocks?: number): ChildProcessByStdio<null, Readable, null> {
  const { keys: _keys, ...source } = archive.source("tide", { architectures: ["amd64", "arm64"] });
  const key = Buffer.from(publicKeyOf(archive.key)).toString("base64");
  const order = JSON.stringify({ dir, source, key } satisfies RefreshOrder);
  const stdio = ["ignore", "pipe", "inherit"] as const;
  if (limitBlocks === undefined) return spawn(process.execPath, [program, order], { stdio: [...stdio] });
  const limited = ["-c", `ulimit -f ${limitBlocks}; exec "$0" "$@"`, process.execPath, program, order];
  return spawn("/bin/sh", limited, { stdio: [...stdio] });
}

async function kill(worker: ChildProcessByStdio<null, Readable, null>): Promise<void> {
  const ended = once(worker, "close");
  worker.kill("SIGKILL");
  await ended;
}

/** The version that every stanza of every index has; fails where they are not all of one generation, or not what was signed. */
async function versionOnDisk(): Promise<number> {
  const generation = await createDistro({ dir, clock: systemClock }).generation("debian/tide");
  const versions = new Set<string>();
  for (const index of generation?.indices ?? []) {
    const bytes = await readFile(index.path);
    expect(sha256(bytes)).toBe(index.sha256);
    const found = bytes.toString().match(/^Version: .*$/gm) ?? [];
    expect(found).toHaveLength(400);
    for (const line of found) versions.add(line);
  }
  expect(versions.size).toBe(1);
  return Number([...versions][0]?.slice("Version: ".length));
}

describe("a process that is killed while it refreshes", () => {
  it("leaves the old generation or the new one, whole; the next one goes on", async () => {
    await publish(1);
    const first = startWorker();
    await once(first.stdout, "data");
    await kill(first);
    expect(await versionOnDisk()).toBe(1);
    const seen = new Set<"old" | "new">();
    for (let version = 2; version <= 7; version += 1) {
      const held = await versionOnDisk();
      await publish(version);
      const asked = archive.requests.length;
      const worker = startWorker();
      while (archive.requests.length === asked) await delay(1);
      await delay((version - 2) * 6);
      await kill(worker);
      const now = await versionOnDisk();
      expect([held, version]).toContain(now);
      seen.add(now === version ? "new" : "old");
    }
    const last = startWorker();
    const [said] = (await once(last.stdout, "data")) as [Buffer];
    await kill(last);
    expect(said.toString()).toMatch(/^(?:updated|unchanged)/);
    expect(await versionOnDisk()).toBe(7);
    expect(seen).toContain("old");
  });
});

describe("a disk without room", () => {
  it("is said; the last good generation stays, and the next refresh goes on once there is room", async () => {
    await publish(1);
    await createDistro({ dir, clock: systemClock }).refresh(
      archive.source("tide", { architectures: ["amd64", "arm64"] }),
    );
    await publish(2);
    // No file may grow past 4 KiB: the write fails as on a disk that is full.
    const worker = startWorker(8);
    const [said] = (await once(worker.stdout, "data")) as [Buffer];
    await kill(worker);
    expect(said.toString()).toMatch(/^DISK_FAILED\n/);
    expect(await versionOnDisk()).toBe(1);
    await createDistro({ dir, clock: systemClock }).refresh(
      archive.source("tide", { architectures: ["amd64", "arm64"] }),
    );
    expect(await versionOnDisk()).toBe(2);
  });

  it("where a file stands in the place of the folder, is said with what to do", async () => {
    await publish(1);
    await writeFile(join(dir, "suites"), "");
    await expect(createDistro({ dir, clock: systemClock }).refresh(archive.source("tide"))).rejects.toMatchObject({
      code: "DISK_FAILED",
      message: expect.stringContaining(dir) as string,
      hint: expect.stringContaining("disk full") as string,
    });
  });
});
