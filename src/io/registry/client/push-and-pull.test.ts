import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it as always } from "vitest";
import { needs } from "../../../../test/needs.ts";
import { mediaTypes } from "../../../core/image/index.ts";
import { copyImage, createRegistryClient, createRegistryServer, type RegistryClient } from "../index.ts";
import { startBreakingProxy } from "../testdata/breaking-proxy.ts";
import { missingDockerRegistry, startDockerRegistry } from "../testdata/docker-registry.ts";
import { startHostile } from "../testdata/hostile-server.ts";
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
} from "../testdata/make-image.ts";

interface Running {
  readonly host: string;
  close(): Promise<void>;
}

async function startEmbedded(): Promise<Running> {
  const folder = await makeFolder();
  const server = await createRegistryServer({ dir: folder.path("registry") });
  const { host } = await server.listen(0);
  return { host, close: () => server.close().then(folder.remove) };
}

const missing = await missingDockerRegistry();
const registries = [
  { name: "the embedded registry", start: startEmbedded, check: needs(undefined), hasReferrers: true, resumes: true },
  {
    name: "docker-registry 2",
    start: startDockerRegistry,
    check: needs(missing),
    hasReferrers: false,
    resumes: false,
  },
] as const satisfies readonly {
  name: string;
  start(): Promise<Running>;
  check: unknown;
  hasReferrers: boolean;
  resumes: boolean;
}[];

describe.each(registries)("the client and $name", ({ start, check, hasReferrers, resumes }) => {
  const it = check;
  let registry: Running;
  const clients: RegistryClient[] = [];
  const connect = (options: Parameters<typeof createRegistryClient>[0] = {}): RegistryClient => {
    const client = createRegistryClient({ retries: 2, ...options });
    clients.push(client);
    return client;
  };
  let count = 0;
  const name = (): string => `${registry.host}/app/n${++count}`;

  beforeAll(async () => {
    if (check !== registries[1].check || missing === undefined) registry = await start();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
  });
  afterAll(() => registry?.close());

  it("gives back what was pushed, byte for byte", async () => {
    const image = await makeImage(["one", "two", randomBytes(150_000).toString("base64")]);
    const place = name();
    const sent = await pushImage(connect().repository(place), image, "1");
    expect(sent).toBe(image.blobs.reduce((sum, { bytes }) => sum + bytes.byteLength, 0));
    const reader = connect().repository(place);
    expect(await reader.manifest("1")).toEqual(image.manifest);
    expect(await reader.resolve("1")).toMatchObject({ digest: image.manifest.digest });
    for (const { descriptor, bytes } of image.blobs) {
      expect((await readAll(reader.blob(descriptor))).equals(bytes)).toBe(true);
    }
    const large = image.blobs.find(({ bytes }) => bytes.byteLength > 100_000)?.bytes.byteLength ?? 0;
    expect(await pushImage(connect().repository(place), image, "2")).toBeLessThanOrEqual(sent - large);
  });

  it("copies an index with all its images, and one platform of it", async () => {
    const images = { amd64: await makeImage(["a", "b"]), arm64: await makeImage(["c"], "arm64") };
    const index = makeIndex(images);
    const from = connect().repository(name());
    for (const image of Object.values(images)) await pushImage(from, image);
    await from.putManifest(index, "multi");
    const to = connect().repository(name());
    const copied = await copyImage(from, "multi", to, { tag: "multi" });
    expect(copied).toMatchObject({ digest: index.digest, manifests: 3 });
    const only = await copyImage(from, "multi", to, {
      tag: "arm",
      platforms: [{ os: "linux", architecture: "arm64" }],
    });
    expect(only.digest).toBe(images.arm64.manifest.digest);
    expect((await to.resolve("arm"))?.digest).toBe(images.arm64.manifest.digest);
  });

  it("sends a large blob in one piece, and in many", async () => {
    const bytes = randomBytes(1_000_003);
    const { descriptor } = makeBlob(bytes);
    const whole = connect();
    expect(await whole.repository(name()).putBlob(descriptor, () => once(bytes))).toBe(bytes.byteLength);
    const before = whole.stats().requests;
    const pieces = connect({ chunkBytes: 64 * 1024 });
    const place = pieces.repository(name());
    expect(await place.putBlob(descriptor, () => once(bytes))).toBe(bytes.byteLength);
    expect(pieces.stats().requests).toBeGreaterThan(before + 15);
    expect((await readAll(place.blob(descriptor))).equals(bytes)).toBe(true);
  });

  for (const chunkBytes of [0, 200_000]) {
    it(`sends a blob in pieces of ${chunkBytes} over connections that break`, async () => {
      const bytes = randomBytes(2_000_000);
      const { descriptor } = makeBlob(bytes);
      const proxy = await startBreakingProxy(registry.host, (n) => (n < 4 ? 150_000 + 200_000 * n : undefined));
      try {
        const client = connect({ chunkBytes, retries: 6, random: () => 0.1, connectionsPerHost: 1 });
        const place = client.repository(name().replace(registry.host, proxy.host));
        expect(await place.putBlob(descriptor, () => once(bytes))).toBe(bytes.byteLength);
        expect(proxy.broken()).toBeGreaterThan(1);
        expect((await readAll(place.blob(descriptor))).equals(bytes)).toBe(true);
        // What had come is not sent again, but for the piece that broke. docker-registry forgets an upload that broke.
        if (chunkBytes > 0 && resumes) expect(client.stats().bytesUp).toBeLessThan(bytes.byteLength + 4.5 * chunkBytes);
      } finally {
        await proxy.close();
      }
    });
  }

  it("sends nothing where the source has other bytes than its descriptor says", async () => {
    const place = connect({ retries: 0 }).repository(name());
    const { descriptor } = makeBlob(randomBytes(200_000));
    await expect(place.putBlob(descriptor, () => once(randomBytes(200_000)))).rejects.toMatchObject({
      name: "RegistryError",
    });
    await expect(place.putBlob(descriptor, () => once(randomBytes(100_000)))).rejects.toMatchObject({
      code: "WRONG_SIZE",
    });
    await expect(readAll(place.blob(descriptor))).rejects.toMatchObject({ code: "BLOB_UNKNOWN" });
  });

  it("mounts a blob of another repository and sends no byte", async () => {
    const client = connect();
    const blob = makeBlob(randomBytes(200_000));
    const from = client.repository(name());
    await from.putBlob(blob.descriptor, () => once(blob.bytes));
    const to = client.repository(name());
    const before = client.stats().bytesUp;
    expect(await to.putBlob(blob.descriptor, () => once(blob.bytes), { mountFrom: [from.repository] })).toBe(0);
    expect(client.stats().bytesUp).toBe(before);
    expect((await readAll(to.blob(blob.descriptor))).equals(blob.bytes)).toBe(true);
    const other = makeBlob(randomBytes(70_000));
    expect(await to.putBlob(other.descriptor, () => once(other.bytes), { mountFrom: [from.repository] })).toBe(70_000);
  });

  it("mounts from wherever it knows the blob to be, also what it only saw in a manifest", async () => {
    const image = await makeImage(["a layer of some size ".repeat(10_000)]);
    const from = name();
    await pushImage(connect().repository(from), image);
    const client = connect();
    await client.repository(from).manifest(image.manifest.digest);
    const to = client.repository(name());
    for (const { descriptor } of image.blobs)
      expect(await to.putBlob(descriptor, () => Promise.reject(new Error("it was read")) as never)).toBe(0);
    expect(client.stats().bytesUp).toBe(0);
    await to.putManifest(image.manifest);
  });

  it("sends a large blob once that many repositories want at the same time", async () => {
    const client = connect();
    const blob = makeBlob(randomBytes(300_000));
    const places = Array.from({ length: 12 }, () => client.repository(name()));
    const sent = await Promise.all(places.map((place) => place.putBlob(blob.descriptor, () => once(blob.bytes))));
    expect(sent.filter((bytes) => bytes > 0)).toEqual([300_000]);
    expect(client.stats().bytesUp).toBe(300_000);
    for (const place of places) expect((await readAll(place.blob(blob.descriptor))).equals(blob.bytes)).toBe(true);
  });

  it("does not fail a repository because the upload to another failed that it waited for", async () => {
    const client = connect({ retries: 0 });
    const blob = makeBlob(randomBytes(300_000));
    const [bad, good] = await Promise.allSettled([
      client.repository(name()).putBlob(blob.descriptor, () => once(randomBytes(300_000))),
      client.repository(name()).putBlob(blob.descriptor, () => once(blob.bytes)),
    ]);
    expect([bad.status, good.status]).toEqual(["rejected", "fulfilled"]);
    expect(good).toMatchObject({ value: 300_000 });
  });

  it("lists an artifact at its subject, by type, also for a client that has not sent it", async () => {
    const place = name();
    const image = await makeImage(["subject"]);
    const signature = makeArtifact(image.manifest, "application/x-signature", "signed");
    const sbom = makeArtifact(image.manifest, "application/x-sbom", "listed");
    const writer = connect().repository(place);
    await pushImage(writer, image);
    expect(await writer.referrers(image.manifest.digest)).toEqual([]);
    await pushImage(writer, signature);
    await pushImage(writer, sbom);
    const reader = connect().repository(place);
    const digests = async (type?: string): Promise<readonly string[]> =>
      (await reader.referrers(image.manifest.digest, type)).map(({ digest }) => digest).sort();
    expect(await digests()).toEqual([signature.manifest.digest, sbom.manifest.digest].sort());
    expect(await digests("application/x-sbom")).toEqual([sbom.manifest.digest]);
    expect(await digests("other")).toEqual([]);
    const tags = await reader.tags();
    expect(tags).toEqual(hasReferrers ? [] : [`sha256-${image.manifest.digest.slice(7)}`]);
  });

  it("FAULTS 6: keeps all entries of 20 parallel signers of one subject", async () => {
    const place = name();
    const image = await makeImage(["subject"]);
    await pushImage(connect().repository(place), image);
    const signers = Array.from({ length: 20 }, (_, n) =>
      makeArtifact(image.manifest, "application/x-signature", `signer ${n}`),
    );
    await Promise.all(signers.map((each) => pushImage(connect().repository(place), each)));
    const listed = await connect().repository(place).referrers(image.manifest.digest);
    expect(listed.map(({ digest }) => digest).sort()).toEqual(signers.map(({ manifest }) => manifest.digest).sort());
  });

  it("copies evidence with its image", async () => {
    const [from, to] = [connect().repository(name()), connect().repository(name())];
    const image = await makeImage(["subject"]);
    const signature = makeArtifact(image.manifest, "application/x-signature", "signed");
    await pushImage(from, image, "1");
    await pushImage(from, signature);
    await copyImage(from, "1", to, { referrers: true });
    const listed = await to.referrers(image.manifest.digest);
    expect(listed.map(({ digest }) => digest)).toEqual([signature.manifest.digest]);
  });

  it("copies evidence of every platform, and what tags of digests name", async () => {
    const [from, to] = [connect().repository(name()), connect().repository(name())];
    const [one, other] = [await makeImage(["one"]), await makeImage(["other"], "arm64")];
    const index = makeIndex({ amd64: one, arm64: other });
    for (const image of [one, other]) await pushImage(from, image);
    await from.putManifest(index, "1");
    const attestation = makeArtifact(other.manifest, "application/x-attestation", "made so");
    await pushImage(from, attestation);
    const signature = await makeImage(["signature"]);
    const tag = `sha256-${index.digest.slice(7)}.sig`;
    await pushImage(from, signature, tag);
    const copied = await copyImage(from, index.digest, to, { referrers: true });
    expect(copied.digest).toBe(index.digest);
    expect((await to.resolve(tag))?.digest).toBe(signature.manifest.digest);
    expect((await to.referrers(other.manifest.digest)).map(({ digest }) => digest)).toEqual([
      attestation.manifest.digest,
    ]);
    const chosen = connect().repository(name());
    const platforms = [{ os: "linux", architecture: "arm64" }];
    await copyImage(from, index.digest, chosen, { referrers: true, platforms });
    expect(await chosen.referrers(other.manifest.digest)).toHaveLength(1);
    expect(await chosen.resolve(tag)).toBeUndefined();
  });

  it("moves a tag only from where the caller saw it", async () => {
    const [first, second] = [await makeImage(["1"]), await makeImage(["2"])];
    const place = connect().repository(name());
    await pushImage(place, first, "production");
    await pushImage(place, second);
    const moved = { code: "TAG_MOVED" };
    await expect(place.tag(second.manifest.digest, "production", { ifMatch: "absent" })).rejects.toMatchObject(moved);
    await expect(place.tag(first.manifest.digest, "other", { ifMatch: second.manifest.digest })).rejects.toMatchObject(
      moved,
    );
    await place.tag(second.manifest.digest, "production", { ifMatch: first.manifest.digest });
    await place.tag(second.manifest.digest, "other", { ifMatch: "absent" });
    expect((await place.resolve("production"))?.digest).toBe(second.manifest.digest);
    expect((await place.resolve("other"))?.digest).toBe(second.manifest.digest);
    const none = makeDocument({ config: makeBlob("{}", mediaTypes.config).descriptor, layers: [] });
    await expect(place.tag(none.digest, "none")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("deletes by digest, and finds nothing after", async () => {
    const place = connect().repository(name());
    const image = await makeImage(["gone"]);
    await pushImage(place, image, "gone");
    expect(await place.deleteManifest(image.manifest.digest)).toBe(true);
    expect(await place.deleteManifest(image.manifest.digest)).toBe(false);
    expect(await place.resolve("gone")).toBeUndefined();
    expect(await place.manifest(image.manifest.digest)).toBeUndefined();
  });

  it("reads all tags, however many pages there are, and none of a repository that is not there", async () => {
    const client = connect({ connectionsPerHost: 16 });
    const place = client.repository(name());
    const image = await makeImage(["tagged"]);
    await pushImage(place, image);
    const tags = Array.from({ length: 1203 }, (_, n) => `t${String(n).padStart(5, "0")}`);
    await Promise.all(tags.map((tag) => place.putManifest(image.manifest, tag)));
    expect([...(await place.tags())].sort()).toEqual(tags);
    expect(await client.repository(name()).tags()).toEqual([]);
  });
});

describe.each([401, 403, 404, 405])("a registry that answers a mount with %d", (status) => {
  always("has the blob sent, where nobody named the other repository", async () => {
    const blob = makeBlob(randomBytes(100_000));
    const server = await startHostile((request, response, url) => {
      request.resume();
      if (url.searchParams.has("mount")) response.writeHead(status).end();
      else if (request.method === "HEAD") response.writeHead(404).end();
      else if (request.method === "POST") response.writeHead(202, { location: "/upload/1" }).end();
      else request.on("end", () => response.writeHead(201).end());
    });
    const client = createRegistryClient({ retries: 0 });
    try {
      for (const place of ["one", "two"]) {
        const repository = client.repository(`${server.host}/${place}`);
        expect(await repository.putBlob(blob.descriptor, () => once(blob.bytes))).toBe(100_000);
      }
      const third = client.repository(`${server.host}/three`);
      const named = third.putBlob(blob.descriptor, () => once(blob.bytes), { mountFrom: ["one"] });
      const code = expect.stringMatching(/^(?:DENIED|UNAUTHORIZED|NOT_FOUND|REJECTED|BAD_ANSWER)$/) as string;
      await expect(named).rejects.toMatchObject({ code });
    } finally {
      await client.close();
      await server.close();
    }
  });
});
