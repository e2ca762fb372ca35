import { randomInt } from "node:crypto";
import { readdir, utimes, writeFile } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestHex, manualClock, sha256 } from "../../../lib/index.ts";
import {
  createRegistryClient,
  createRegistryServer,
  type RegistryClient,
  type RegistryServer,
  type Repository,
} from "../index.ts";
import {
  makeArtifact,
  makeBlob,
  makeDocument,
  makeFolder,
  makeImage,
  makeIndex,
  once,
  pushImage,
  readAll,
  type MadeImage,
} from "../testdata/make-image.ts";

let folder: Awaited<ReturnType<typeof makeFolder>>;
let server: RegistryServer;
let client: RegistryClient;
let url: string;
let host: string;
const clock = manualClock(Date.now());

async function open(): Promise<void> {
  server = await createRegistryServer({
    dir: folder.path("registry"),
    clock,
    limits: { blobBytes: 1_000_000, uploads: 20 },
  });
  ({ url, host } = await server.listen(0));
  client = createRegistryClient({ retries: 0 });
}

async function close(): Promise<void> {
  await client.close();
  await server.close();
}

async function reopen(): Promise<void> {
  await close();
  await open();
}

beforeEach(async () => {
  folder = await makeFolder();
  await open();
});
afterEach(async () => {
  await close();
  await folder.remove();
});

const post = (path: string, body: Uint8Array | string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}${path}`, { method: "POST", body, headers });
describe("garbage collection", () => {
  const day = 24 * 3600 * 1000;
  const files = async (): Promise<number> => (await readdir(folder.path("registry", "blobs", "sha256"))).length;

  it("keeps what tags, roots, indexes and subjects lead to, and removes the rest", async () => {
    const app = client.repository(`${host}/app`);
    const [kept, root, gone] = [
      await makeImage(["kept"]),
      await makeImage(["root"], "arm64"),
      await makeImage(["gone"]),
    ];
    const index = makeIndex({ amd64: kept });
    const signature = makeArtifact(index, "application/x-signature", "signed");
    await pushImage(app, kept);
    await app.putManifest(index, "1");
    await pushImage(app, signature);
    await pushImage(app, root);
    await pushImage(app, gone, "old");
    await app.deleteManifest("old");
    clock.advance(2 * day);
    const collected = await server.collectGarbage({ graceMs: day, roots: [root.manifest.digest] });
    expect(collected.manifests).toBe(1);
    await reopen();
    const again = client.repository(`${host}/app`);
    for (const image of [kept, root, signature]) {
      expect((await again.manifest(image.manifest.digest))?.digest).toBe(image.manifest.digest);
      for (const { descriptor, bytes } of image.blobs) expect(await readAll(again.blob(descriptor))).toEqual(bytes);
    }
    expect(await again.manifest(gone.manifest.digest)).toBeUndefined();
    clock.advance(2 * day);
    await server.collectGarbage({ graceMs: day, roots: [root.manifest.digest] });
    expect(await files()).toBe(10);
  });

  it("leaves alone what is younger than the grace, and what HEAD or a mount renewed", async () => {
    const app = client.repository(`${host}/app`);
    const blobs = ["headed", "mounted", "left"].map((text) => makeBlob(text));
    const [headed, mounted] = blobs;
    for (const { descriptor, bytes } of blobs) {
      await app.putBlob(descriptor, async function* () {
        yield bytes;
      });
    }
    // What came in the millisecond in which the mark began may be newer than the mark.
    for (const graceMs of [0, day]) {
      await server.collectGarbage({ graceMs });
      expect(await files()).toBe(3);
    }
    clock.advance(2 * day);
    await fetch(`${url}/v2/app/blobs/${headed?.descriptor.digest}`, { method: "HEAD" });
    await post(`/v2/other/blobs/uploads/?mount=${mounted?.descriptor.digest}&from=app`, "");
    await server.collectGarbage({ graceMs: day });
    expect(await files()).toBe(2);
    clock.advance(2 * day);
    await server.collectGarbage({ graceMs: day });
    expect(await files()).toBe(0);
  });

  it("goes by the file's time for leases from before a restart, and sweeps files that nothing names", async () => {
    const blob = makeBlob("old");
    await client.repository(`${host}/app`).putBlob(blob.descriptor, async function* () {
      yield blob.bytes;
    });
    await close();
    const stray = folder.path("registry", "blobs", "sha256", digestHex(sha256("stray")));
    await writeFile(stray, "stray");
    const old = new Date(clock.now() - 10 * day);
    await utimes(stray, old, old);
    await open();
    const path = folder.path("registry", "blobs", "sha256", digestHex(blob.descriptor.digest));
    await utimes(path, new Date(clock.now()), new Date(clock.now()));
    await server.collectGarbage({ graceMs: day });
    expect(await readdir(folder.path("registry", "blobs", "sha256"))).toEqual([digestHex(blob.descriptor.digest)]);
  });

  it("lets every kind of question and upload renew a lease", async () => {
    const app = client.repository(`${host}/app`);
    const blobs = ["HEAD", "GET", "mount", "POST", "PUT", "large", "manifest"].map((text) =>
      makeBlob(text.repeat(text === "large" ? 20_000 : 1)),
    );
    for (const { descriptor, bytes } of blobs) await app.putBlob(descriptor, () => once(bytes));
    const renew = async (name: string, { descriptor, bytes }: (typeof blobs)[number]): Promise<number> => {
      const path = `/v2/app/blobs/${descriptor.digest}`;
      if (name === "HEAD" || name === "GET") return (await fetch(`${url}${path}`, { method: name })).status;
      if (name === "mount")
        return (await post(`/v2/app/blobs/uploads/?mount=${descriptor.digest}&from=app`, "")).status;
      if (name === "POST" || name === "large") {
        return (await post(`/v2/app/blobs/uploads/?digest=${descriptor.digest}`, bytes)).status;
      }
      if (name === "PUT") {
        const opened = await post("/v2/app/blobs/uploads/", "");
        const to = `${url}${opened.headers.get("location")}?digest=${descriptor.digest}`;
        return (await fetch(to, { method: "PUT", body: bytes })).status;
      }
      await app.putManifest(makeDocument({ config: descriptor, layers: [] }), "1");
      return 201;
    };
    const names = ["HEAD", "GET", "mount", "POST", "PUT", "large", "manifest"];
    for (let turn = 0; turn < 3; turn++) {
      clock.advance(2 * day);
      for (const [n, blob] of blobs.entries()) expect([200, 201]).toContain(await renew(names[n] ?? "", blob));
      clock.advance(1);
      await server.collectGarbage({ graceMs: day });
      expect(await files()).toBe(8);
    }
  });

  it("never breaks a push that runs beside it", async () => {
    const app = client.repository(`${host}/app`);
    const pushing = new AbortController();
    const collecting = (async () => {
      while (!pushing.signal.aborted) {
        clock.advance(1);
        await server.collectGarbage({ graceMs: 0 });
        await nextTurn();
      }
    })();
    let done = 0;
    for (let n = 0; n < 40; n++) {
      const image = await makeImage(["common", `own ${n % 3}`]);
      try {
        await pushImage(app, image, "moving");
        done++;
        for (const { descriptor, bytes } of image.blobs) expect(await readAll(app.blob(descriptor))).toEqual(bytes);
      } catch (error) {
        // Without any grace a blob may go before its manifest comes; the registry must say so and never serve half.
        expect(error).toMatchObject({ code: "BLOB_UNKNOWN" });
      }
    }
    pushing.abort();
    await collecting;
    expect(done).toBeGreaterThan(0);
    expect(server.problems).toEqual([]);
  });

  it("loses nothing that a tag leads to while six writers push, share layers, mount and delete", async () => {
    const layers = Array.from({ length: 12 }, (_, n) => `layer ${n} `.repeat(n % 2 === 0 ? 1 : 9000));
    let swept = 0;
    const pushing = new AbortController();
    const collecting = (async () => {
      while (!pushing.signal.aborted) {
        clock.advance(1);
        swept += (await server.collectGarbage({ graceMs: 20_000 })).blobs;
        await nextTurn();
      }
    })();
    const standing = new Map<string, MadeImage>();

    async function push(writer: number, n: number): Promise<void> {
      clock.advance(1000);
      const pick = (): string => layers[randomInt(layers.length)] ?? "";
      const image = await makeImage([pick(), pick(), `own ${writer} ${n}`]);
      const fresh = createRegistryClient({ retries: 0 });
      try {
        const place = fresh.repository(`${host}/app${writer % 3}`);
        const mountFrom = [`app${(writer + 1) % 3}`];
        for (const { descriptor, bytes } of image.blobs) {
          await place.putBlob(descriptor, () => once(bytes), n % 2 === 0 ? { mountFrom } : {});
        }
        await place.putManifest(image.manifest, `w${writer}-${n % 2}`);
        standing.set(`app${writer % 3}:w${writer}-${n % 2}`, image);
        if (n % 3 === 0 && (await place.deleteManifest(`w${writer}-1`)))
          standing.delete(`app${writer % 3}:w${writer}-1`);
        await checkWhole(place, image.manifest.digest, image);
      } finally {
        await fresh.close();
      }
    }

    try {
      await Promise.all(
        Array.from({ length: 6 }, async (_, writer) => {
          for (let n = 0; n < 12; n++) await push(writer, n);
        }),
      );
    } finally {
      pushing.abort();
      await collecting;
    }
    expect(swept).toBeGreaterThan(5);
    await reopen();
    expect(server.problems).toEqual([]);
    expect(standing.size).toBeGreaterThan(5);
    for (const [place, image] of standing) {
      const [name, tag = ""] = place.split(":");
      await checkWhole(client.repository(`${host}/${name}`), tag, image);
    }
  });
});

async function checkWhole(place: Repository, reference: string, image: MadeImage): Promise<void> {
  expect((await place.manifest(reference))?.digest).toBe(image.manifest.digest);
  for (const { descriptor, bytes } of image.blobs) {
    expect((await readAll(place.blob(descriptor))).equals(bytes)).toBe(true);
  }
}
