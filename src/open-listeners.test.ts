import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { connect, type TLSSocket } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCertificate, missingOpenssl } from "../test/make-certificate.ts";
import { needs } from "../test/needs.ts";
import { openListeners, type ListenerOptions, type Listeners } from "./open-listeners.ts";

const withOpenssl = needs(missingOpenssl);
let home = "";
const opened: Listeners[] = [];
const own = new Set<unknown>();

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "tidemill-listeners-"));
  if (missingOpenssl !== undefined) return;
  for (const name of ["first", "second"])
    await makeCertificate({ cert: join(home, `${name}.crt`), key: join(home, `${name}.key`) }, { name });
});
afterAll(async () => {
  for (const listeners of opened) listeners.close();
  await rm(home, { recursive: true, force: true });
});

async function open(options: Partial<ListenerOptions>): Promise<Listeners> {
  const listeners = await openListeners((_, response) => response.end("here"), {
    listen: "127.0.0.1:0",
    local: "127.0.0.1:0",
    tls: undefined,
    trustedProxies: [],
    home,
    onLocal: (socket) => own.add(socket),
    ...options,
  });
  opened.push(listeners);
  return listeners;
}

function fetchText(url: string, ca?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith("https:") ? tlsRequest : plainRequest;
    const request = send(url, { agent: false, ...(ca === undefined ? {} : { ca }) }, (response) => {
      let text = "";
      response.on("data", (piece: Buffer) => (text += piece.toString()));
      response.on("end", () => resolve(text));
    });
    request.on("error", reject);
    request.end();
  });
}

/** Common name of the certificate that is shown, and the version that was agreed on. */
function handshake(url: string, options: object = {}): Promise<{ name: string | undefined; version: string | null }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect(Number(port), hostname, { rejectUnauthorized: false, ...options }, () => {
      const { CN } = socket.getPeerCertificate().subject;
      resolve({ name: [CN].flat()[0], version: socket.getProtocol() });
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

describe("openListeners", () => {
  it("listens on loopback, at one place", async () => {
    const { url, local } = await open({});
    expect(url).toBe(`http://${local}`);
    expect(await fetchText(url)).toBe("here");
    expect((await open({ listen: "[::1]:0" })).url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  });

  it.each(["0.0.0.0:0", "[::]:0", "192.0.2.1:0"])("does not listen at %s in plain text", async (listen) => {
    await expect(open({ listen })).rejects.toMatchObject({ code: "OPEN_ADDRESS", hint: expect.stringMatching(/tls/) });
  });

  it("listens everywhere for proxies, and has a listener for this machine", async () => {
    const { url, local } = await open({ listen: "0.0.0.0:0", trustedProxies: ["10.0.0.0/8"] });
    expect(url).toMatch(/^http:\/\/0\.0\.0\.0:\d+$/);
    expect(local).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(own.size).toBe(0);
    expect(await fetchText(`http://${local}/`)).toBe("here");
    expect(own.size).toBe(1);
  });

  it("tells a proxy of this machine from its commands by the listener they come to", async () => {
    const { url, local } = await open({ trustedProxies: ["127.0.0.1"] });
    expect(url).not.toBe(`http://${local}`);
  });

  it.each(["nonsense", "127.0.0.1:99999", "300.0.0.1:80", "example.test:80"])(
    "says that %s is no place",
    async (listen) =>
      expect(open({ listen, trustedProxies: ["10.0.0.1"] })).rejects.toMatchObject({ code: "CANNOT_LISTEN" }),
  );

  it("says that a port is taken", async () => {
    const { local } = await open({});
    await expect(open({ listen: local })).rejects.toMatchObject({ code: "CANNOT_LISTEN" });
  });

  withOpenssl("speaks TLS 1.2 or newer, and takes a renewed certificate up", async () => {
    const tls = { cert: "server.crt", key: "server.key" };
    const use = async (name: string): Promise<void> => {
      for (const kind of ["key", "crt"]) {
        await writeFile(join(home, `new.${kind}`), await readFile(join(home, `${name}.${kind}`)));
        await rename(join(home, `new.${kind}`), join(home, `server.${kind}`));
      }
    };
    await use("first");
    const listeners = await open({ tls });
    const ca = await readFile(join(home, "first.crt"), "utf8");
    expect(listeners.url).toMatch(/^https:/);
    expect(await fetchText(`${listeners.url}/`, ca)).toBe("here");
    expect(await fetchText(`http://${listeners.local}/`)).toBe("here");
    await expect(fetchText(listeners.url.replace("https:", "http:"))).rejects.toThrow();
    expect(await handshake(listeners.url, { maxVersion: "TLSv1.2" })).toEqual({ name: "first", version: "TLSv1.2" });
    await expect(handshake(listeners.url, { minVersion: "TLSv1", maxVersion: "TLSv1.1" })).rejects.toThrow();

    expect(await listeners.renew()).toBe(false);
    await writeFile(join(home, "server.key"), await readFile(join(home, "second.key")));
    await expect(listeners.renew()).rejects.toMatchObject({ code: "BAD_CERTIFICATE" });
    expect((await handshake(listeners.url)).name).toBe("first");
    await use("second");
    expect(await listeners.renew()).toBe(true);
    expect(await handshake(listeners.url)).toEqual({ name: "second", version: "TLSv1.3" });
  });

  withOpenssl("names the file that is no certificate", async () => {
    const bad = (cert: string, key: string) =>
      expect(open({ tls: { cert, key } })).rejects.toMatchObject({ code: "BAD_CERTIFICATE" });
    await writeFile(join(home, "text.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    await writeFile(join(home, "large.crt"), Buffer.alloc(1024 * 1024 + 1, 65));
    await bad("none.crt", "first.key");
    await bad("text.crt", "first.key");
    await bad("large.crt", "first.key");
    await bad("first.crt", "second.key");
    await bad("first.key", "first.crt");
    await expect(open({ tls: { cert: "none.crt", key: "first.key" } })).rejects.toThrow(/none\.crt cannot be read/);
  });
});
