import { randomBytes, randomInt } from "node:crypto";
import { readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Descriptor } from "../../../core/image/index.ts";
import type { Digest } from "../../../lib/index.ts";
import { createRegistryClient, type Repository } from "../index.ts";
import { makeBlob, makeFolder, makeImage, once, readAll, type MadeImage } from "../testdata/make-image.ts";
import { startProcess, type RegistryProcess } from "../testdata/start-process.ts";

let folder: Awaited<ReturnType<typeof makeFolder>>;
let running: RegistryProcess | undefined;
beforeEach(async () => {
  folder = await makeFolder();
});
afterEach(async () => {
  await running?.kill();
  await folder.remove();
});

async function start(): Promise<RegistryProcess> {
  running = await startProcess(folder.path("registry"));
  return running;
}

/** What one writer was told, and what it was about to do. */
interface Account {
  readonly tried: Map<Digest, Descriptor>;
  readonly blobs: Set<Digest>;
  readonly manifests: Set<Digest>;
  /** What the moving tag may name: the last that was acknowledged, and those sent since. */
  moving: (Digest | undefined)[];
  readonly tags: Map<string, Digest>;
}

/** Pushes one image after another until the server is gone; remembers what was acknowledged, piece by piece. */
async function write(repository: Repository, account: Account, writer: number): Promise<void> {
  for (let n = 0; ; n++) {
    const image = await makeImage([randomBytes([90, 3000, 400_000][n % 3] ?? 1).toString("base64")]);
    for (const { descriptor, bytes } of image.blobs) {
      account.tried.set(descriptor.digest, descriptor);
      await repository.putBlob(descriptor, () => once(bytes));
      account.blobs.add(descriptor.digest);
    }
    await tagOwn(repository, account, image, `w${writer}-${account.tags.size}`);
    account.moving.push(image.manifest.digest);
    await repository.tag(image.manifest.digest, `moving${writer}`);
    account.moving = [image.manifest.digest];
  }
}

async function writeUntilGone(place: string, account: Account, writer: number, chunkBytes: number): Promise<void> {
  const client = createRegistryClient({ retries: 0, chunkBytes });
  try {
    await write(client.repository(place), account, writer);
  } finally {
    await client.close();
  }
}

async function tagOwn(repository: Repository, account: Account, image: MadeImage, tag: string): Promise<void> {
  await repository.putManifest(image.manifest, tag);
  account.manifests.add(image.manifest.digest);
  account.tags.set(tag, image.manifest.digest);
}

/** Throws where the server lost what it acknowledged, or serves part of a blob. */
async function check(repository: Repository, account: Account, writer: number): Promise<void> {
  for (const [digest, descriptor] of account.tried) {
    const served = await readAll(repository.blob(descriptor)).then(
      () => "whole",
      (error: { code?: string }) => error.code,
    );
    expect(account.blobs.has(digest) ? ["whole"] : ["whole", "BLOB_UNKNOWN"], digest).toContain(served);
  }
  const held = new Set(await repository.tags());
  for (const [tag, digest] of account.tags) {
    expect(held.has(tag) && (await repository.resolve(tag))?.digest, tag).toBe(digest);
    expect((await repository.manifest(digest))?.digest).toBe(digest);
  }
  expect(account.moving).toContain((await repository.resolve(`moving${writer}`))?.digest);
}

describe("FAULTS 23: the registry's process is killed 20 times in the middle of uploads", () => {
  it("serves every blob and tag that it acknowledged, and never half a blob", async () => {
    const accounts = Array.from({ length: 4 }, (): Account => ({
      tried: new Map(),
      blobs: new Set(),
      manifests: new Set(),
      moving: [undefined],
      tags: new Map(),
    }));
    for (let kill = 0; kill <= 20; kill++) {
      const server = await start();
      expect(server.problems).toEqual([]);
      expect(await readdir(folder.path("registry", "uploads"))).toEqual([]);
      // What was checked after one kill need not be read again after each: the last check reads it all.
      const place = (writer: number): string => `${server.host}/app${writer}`;
      const client = createRegistryClient({ retries: 0, connectionsPerHost: 4 });
      for (const [writer, account] of accounts.entries()) {
        const seen = kill < 20 ? recent(account) : account;
        await check(client.repository(place(writer)), seen, writer);
      }
      const writers = accounts.map((account, writer) =>
        writeUntilGone(place(writer), account, writer, writer % 2 === 0 ? 0 : 100_000),
      );
      const ended = Promise.allSettled(writers);
      await sleep(randomInt(20, 250));
      await server.kill();
      for (const outcome of await ended) expect(outcome).toMatchObject({ reason: { code: "UNREACHABLE" } });
      await client.close();
    }
    expect(accounts.reduce((sum, { tags }) => sum + tags.size, 0)).toBeGreaterThan(50);
  });

  it("and a blob that came in pieces begins anew", async () => {
    const blob = makeBlob(randomBytes(200_000));
    const first = await start();
    const opened = await fetch(`http://${first.host}/v2/app/blobs/uploads/`, { method: "POST" });
    const location = opened.headers.get("location") ?? "";
    const piece = await fetch(`http://${first.host}${location}`, { method: "PATCH", body: blob.bytes.subarray(0, 99) });
    expect(piece.status).toBe(202);
    await first.kill();
    const second = await start();
    expect((await fetch(`http://${second.host}${location}`)).status).toBe(404);
    const client = createRegistryClient({ retries: 0 });
    const app = client.repository(`${second.host}/app`);
    expect(await app.putBlob(blob.descriptor, () => once(blob.bytes))).toBe(200_000);
    await client.close();
  });
});

/** An account of the last few things alone. */
function recent(account: Account): Account {
  return {
    ...account,
    tried: new Map([...account.tried].slice(-12)),
    tags: new Map([...account.tags].slice(-6)),
  };
}
