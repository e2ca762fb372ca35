import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Descriptor } from "../../../core/image/index.ts";
import { copyImage, isReachable, type RegistryClientOptions } from "../index.ts";
import type { Answering, HostileServer } from "../testdata/hostile-server.ts";
import { makeBlob, makeDocument, makeImage, once, readAll } from "../testdata/make-image.ts";
import { openParts } from "../testdata/open-parts.ts";

const parts = openParts();
const { hostile, connect } = parts;
let canary: HostileServer;

beforeEach(async () => {
  canary = await hostile((_, response) => response.writeHead(200).end("{}"));
});
afterEach(() => parts.close());

const blob = makeBlob(randomBytes(100_000));
const port = (): string => canary.host.split(":")[1] ?? "";
const login = (): Promise<{ username: string; password: string }> =>
  Promise.resolve({ username: "robot", password: "s3cret" });
/** A name server of ours, for which every name is this machine. */
const lookup: RegistryClientOptions["lookup"] = (_, __, callback) =>
  callback(null, [{ address: "127.0.0.1", family: 4 }]);

describe("FAULTS 1: a registry that sends us to a private address", () => {
  const places = [
    "https://127.0.0.1:PORT",
    "https://[::1]:PORT",
    "https://[::ffff:127.0.0.1]:PORT",
    "https://10.0.0.1",
  ];
  const names = [
    "https://cdn.example:PORT",
    "https://localhost:PORT",
    "http://127.0.0.1:PORT",
    "http://cdn.example:PORT",
  ];
  const elsewhere = [...places, ...names, "https://169.254.169.254/latest/meta-data", "file:///etc/passwd"];
  const refused = expect.objectContaining({ code: expect.stringMatching(/^REFUSED_|^BAD_ANSWER$/) });

  it.each(elsewhere)("for a blob: %s", async (place) => {
    const target = place.replace("PORT", port());
    const { host } = await hostile((_, response) => response.writeHead(307, { location: `${target}/x` }).end());
    const app = connect({ lookup }).repository(`${host}/app`);
    await expect(readAll(app.blob(blob.descriptor))).rejects.toEqual(refused);
    await expect(app.manifest("1")).rejects.toEqual(refused);
    await expect(app.tags()).rejects.toEqual(refused);
    expect(canary.connections()).toBe(0);
  });

  it.each(elsewhere)("for a token: %s", async (place) => {
    const target = place.replace("PORT", port());
    const { host } = await hostile((_, response) =>
      response.writeHead(401, { "www-authenticate": `Bearer realm="${target}/token",service="x"` }).end(),
    );
    for (const credentials of [{}, { credentials: login }]) {
      await expect(
        connect({ lookup, ...credentials })
          .repository(`${host}/app`)
          .manifest("1"),
      ).rejects.toEqual(refused);
    }
    expect(canary.connections()).toBe(0);
  });

  it.each(elsewhere)("for an upload: %s", async (place) => {
    const target = place.replace("PORT", port());
    const { host } = await hostile((request, response) => {
      if (request.method === "POST") response.writeHead(202, { location: `${target}/upload` }).end();
      else response.writeHead(404).end();
    });
    for (const chunkBytes of [0, 10_000]) {
      const app = connect({ lookup, chunkBytes }).repository(`${host}/app`);
      await expect(app.putBlob(blob.descriptor, () => once(blob.bytes))).rejects.toEqual(refused);
    }
    const app = connect({ lookup }).repository(`${host}/app`);
    const mount = app.putBlob(blob.descriptor, () => once(blob.bytes), { mountFrom: ["other"] });
    await expect(mount).rejects.toEqual(refused);
    expect(canary.connections()).toBe(0);
  });

  it("by a name that resolves differently the second time", async () => {
    let asked = 0;
    const { host } = await hostile((_, response) =>
      response.writeHead(307, { location: `https://cdn.example:${port()}/x` }).end(),
    );
    const changing: RegistryClientOptions["lookup"] = (_, __, callback) => {
      if (asked++ === 0) callback(Object.assign(new Error("try again"), { code: "EAI_AGAIN" }), []);
      else callback(null, [{ address: "127.0.0.1", family: 4 }]);
    };
    const clock = { now: () => Date.now(), sleep: () => Promise.resolve() };
    const app = connect({ retries: 3, clock, lookup: changing }).repository(`${host}/app`);
    await expect(readAll(app.blob(blob.descriptor))).rejects.toMatchObject({ code: "REFUSED_ADDRESS" });
    expect(asked).toBe(2);
    expect(canary.connections()).toBe(0);
  });

  it("by a token service that redirects", async () => {
    const { host, asked } = await hostile((_, response, { pathname }) => {
      if (pathname === "/token") response.writeHead(302, { location: `${canary.origin}/` }).end();
      else response.writeHead(401, { "www-authenticate": `Bearer realm="http://${host}/token"` }).end();
    });
    const app = connect({ credentials: login }).repository(`${host}/app`);
    await expect(app.manifest("1")).rejects.toMatchObject({ code: "REFUSED_REDIRECT" });
    expect(asked).toContain("GET /token");
    expect(canary.connections()).toBe(0);
  });

  it("by the next page of a list", async () => {
    const { host } = await hostile((_, response) =>
      response.writeHead(200, { link: `<${canary.origin}/v2/app/tags/list>; rel="next"` }).end('{"tags":["a"]}'),
    );
    await expect(
      connect({ trustedOrigins: [canary.origin] })
        .repository(`${host}/app`)
        .tags(),
    ).rejects.toMatchObject({
      code: "REFUSED_REDIRECT",
    });
    expect(canary.connections()).toBe(0);
  });

  it("in a circle", async () => {
    const { host, asked } = await hostile((_, response, url) =>
      response.writeHead(302, { location: url.pathname }).end(),
    );
    await expect(connect().repository(`${host}/app`).manifest("1")).rejects.toMatchObject({ code: "REFUSED_REDIRECT" });
    expect(asked.length).toBeLessThan(10);
  });
});

describe("a registry that somebody else named", () => {
  const isAllowed = isReachable([]);
  const stranger = { lookup, reach: { isKnown: () => false, isAllowed } };

  it.each([
    "127.0.0.1:PORT",
    "127.1:PORT",
    "2130706433:PORT",
    "0x7f.1:PORT",
    "0177.0.0.1:PORT",
    "0.0.0.0:PORT",
    "localhost:PORT",
    "localhost.:PORT",
    "127.0.0.1.:PORT",
    "registry.example:PORT",
    "registry.example.:PORT",
    "169.254.169.254:80",
    "10.0.0.1:5000",
    "192.168.1.1:5000",
    "metadata.google.internal:80",
  ])("is not asked at an address that is not public: %s", async (place) => {
    const host = place.replace("PORT", port());
    const app = connect(stranger).repository({ registry: host, repository: "app" });
    await expect(app.manifest("1")).rejects.toMatchObject({ code: "REFUSED_ADDRESS" });
    await expect(app.tags()).rejects.toMatchObject({ code: "REFUSED_ADDRESS" });
    expect(canary.connections()).toBe(0);
  });

  it.each([
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[64:ff9b::7f00:1]",
  ])("nor at one of IPv6: %s", async (address) => {
    const registry = `${address}:${port()}`;
    const app = connect(stranger).repository({ registry, repository: "app" });
    await expect(app.manifest("1")).rejects.toMatchObject({ code: "REFUSED_ADDRESS" });
    expect(canary.connections()).toBe(0);
  });

  it("is connected to where it was looked at, whatever its name means a moment later", async () => {
    let asked = 0;
    const changing: RegistryClientOptions["lookup"] = (_, __, callback) => {
      asked += 1;
      callback(null, [{ address: asked === 1 ? "127.0.0.2" : "127.0.0.1", family: 4 }]);
    };
    const allowed: string[] = [];
    const reach = {
      isKnown: () => false,
      isAllowed: (address: string) => allowed.push(address) > 0 && address !== "127.0.0.1",
    };
    const app = connect({ lookup: changing, reach, timeoutMs: 300 }).repository(`registry.example:${port()}/app`);
    await expect(app.manifest("1")).rejects.toMatchObject({
      code: expect.stringMatching(/TIMEOUT|UNREACHABLE/) as string,
    });
    expect(allowed).toEqual(["127.0.0.2"]);
    // Of several addresses each has to be allowed.
    const both: RegistryClientOptions["lookup"] = (_, __, callback) =>
      callback(null, [
        { address: "127.0.0.2", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ]);
    const mixed = connect({ lookup: both, reach }).repository(`registry.example:${port()}/app`);
    await expect(mixed.manifest("1")).rejects.toMatchObject({ code: "REFUSED_ADDRESS" });
    expect(canary.connections()).toBe(0);
  });

  it("may be in a network that was named, or be known by its name and port", async () => {
    const app = { repository: "app" };
    const inNetwork = connect({ reach: { isKnown: () => false, isAllowed: isReachable(["127.0.0.0/8"]) } });
    await inNetwork
      .repository({ ...app, registry: canary.host })
      .manifest("1")
      .catch(() => undefined);
    expect(canary.asked.length).toBeGreaterThan(0);
    canary.asked.length = 0;
    const known = connect({ reach: { isKnown: (host) => host === canary.host, isAllowed } });
    await known
      .repository({ ...app, registry: canary.host })
      .manifest("1")
      .catch(() => undefined);
    expect(canary.asked.length).toBeGreaterThan(0);
    canary.asked.length = 0;
    const other = known.repository({ ...app, registry: canary.host.replace("127.0.0.1", "localhost") });
    await expect(other.manifest("1")).rejects.toMatchObject({ code: "REFUSED_ADDRESS" });
    expect(canary.asked).toEqual([]);
  });
});

describe("FAULTS 2: credentials", () => {
  it("do not follow to storage that the user trusts, by redirect or by Location", async () => {
    const storage = await hostile((request, response) => {
      request.resume();
      if (request.method === "PUT") response.writeHead(201).end();
      else response.writeHead(200, { "content-length": blob.bytes.byteLength }).end(blob.bytes);
    });
    const registry = await hostile((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
      } else if (request.method === "HEAD") response.writeHead(404).end();
      else if (request.method === "POST") response.writeHead(202, { location: `${storage.origin}/up?session=1` }).end();
      else response.writeHead(307, { location: `${storage.origin}/blob` }).end();
    });
    const client = connect({ credentials: login, trustedOrigins: [storage.origin] });
    const app = client.repository(`${registry.host}/app`);
    expect((await readAll(app.blob(blob.descriptor))).equals(blob.bytes)).toBe(true);
    expect(await app.putBlob(blob.descriptor, () => once(blob.bytes))).toBe(blob.bytes.byteLength);
    expect(registry.authorizations.filter((each) => each?.startsWith("Basic "))).toHaveLength(3);
    expect(storage.asked).toEqual(["GET /blob", "PUT /up"]);
    expect(storage.authorizations).toEqual([undefined, undefined]);
  });

  it("of one registry are not shown to another", async () => {
    const asks: Answering = (_, response) => response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    const [ours, other] = [await hostile(asks), await hostile(asks)];
    const credentials = (registry: string): ReturnType<typeof login> | Promise<undefined> =>
      registry === ours.host ? login() : Promise.resolve(undefined);
    const client = connect({ credentials });
    for (const { host } of [ours, other]) {
      await expect(client.repository(`${host}/app`).manifest("1")).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    }
    expect(ours.authorizations.filter((each) => each !== undefined)).not.toEqual([]);
    expect(other.authorizations.every((each) => each === undefined)).toBe(true);
  });

  it("stand in no error", async () => {
    const { host } = await hostile((request, response) =>
      response
        .writeHead(request.headers.authorization === undefined ? 401 : 403, {
          "www-authenticate": 'Basic realm="x"',
        })
        .end(JSON.stringify({ errors: [{ code: "DENIED", message: `no: \u001b[31m${"x".repeat(10_000)}` }] })),
    );
    const error: unknown = await connect({ credentials: login })
      .repository(`${host}/app`)
      .manifest("1")
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "DENIED" });
    const text = String((error as Error).stack) + JSON.stringify(error);
    expect(text).not.toContain("s3cret");
    expect(text).not.toContain(Buffer.from("robot:s3cret").toString("base64"));
    expect(text).not.toContain("\u001b");
    expect((error as Error).message.length).toBeLessThan(600);
  });

  it("are not asked for by foreign layers, whose addresses are left alone", async () => {
    const image = await makeImage(["one"]);
    const [config, layer] = image.blobs;
    const foreign = {
      ...blob.descriptor,
      mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      urls: [`${canary.origin}/layer`, `https://127.0.0.1:${port()}/layer`],
    };
    const manifest = makeDocument({ config: config?.descriptor, layers: [layer?.descriptor, foreign] });
    const { host, asked } = await hostile((_, response, { pathname }) => {
      const found = image.blobs.find(({ descriptor }) => pathname.endsWith(descriptor.digest));
      if (found !== undefined) response.end(found.bytes);
      else response.writeHead(200, { "content-type": manifest.mediaType }).end(manifest.bytes);
    });
    const sent: string[] = [];
    const sink = {
      name: "a list",
      putBlob: async (each: Descriptor, open: () => AsyncIterable<Uint8Array>) =>
        sent.push(each.digest) && (await readAll(open())).byteLength,
      putManifest: () => Promise.resolve(),
    };
    await copyImage(connect({ credentials: login }).repository(`${host}/app`), "1", sink);
    expect(sent.sort()).toEqual(image.blobs.map(({ descriptor }) => descriptor.digest).sort());
    expect(asked.join()).not.toContain(foreign.digest);
    expect(canary.connections()).toBe(0);
  });
});
