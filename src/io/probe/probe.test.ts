import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { probeHttp, probeTcp } from "./index.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;
}

/** A port where nobody listens. */
async function deadPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("probeHttp", () => {
  it.each([
    [200, undefined, "passed"],
    [204, undefined, "passed"],
    [302, undefined, "passed"],
    [404, undefined, "failed"],
    [503, undefined, "failed"],
    [503, [503], "passed"],
    [200, [201, 202], "failed"],
  ] as const)("status %s with %s wanted: %s", async (status, wanted, kind) => {
    const url = await serve((_, response) => void response.writeHead(status, { location: "/elsewhere" }).end());
    const probe = wanted === undefined ? { url, timeoutMs: 5000 } : { url, status: wanted, timeoutMs: 5000 };
    expect((await probeHttp(probe)).kind).toBe(kind);
  });

  it("finds a text that two chunks share, and says what it did not find", async () => {
    const url = await serve((_, response) => {
      response.write("all is w");
      setTimeout(() => response.end("ell"), 20);
    });
    expect(await probeHttp({ url, contains: "well", timeoutMs: 5000 })).toMatchObject({ kind: "passed" });
    expect(await probeHttp({ url, contains: "ill", timeoutMs: 5000 })).toMatchObject({
      kind: "failed",
      reason: 'its body does not contain "ill"',
    });
  });

  it("asks what it was told to ask, on a connection of its own each time", async () => {
    const seen = new Set<number | undefined>();
    const url = await serve((question, response) => {
      seen.add(question.socket.remotePort);
      const told = question.method === "HEAD" && question.headers["x-probe"] === "1";
      response.writeHead(told ? 200 : 400).end();
    });
    const probe = { url, method: "HEAD", headers: { "x-probe": "1" }, timeoutMs: 5000 } as const;
    for (let n = 0; n < 3; n++) expect((await probeHttp(probe)).kind).toBe("passed");
    expect(seen.size).toBe(3);
  });

  it("gives up on silence, on a body without end, and on nobody", async () => {
    const silent = await serve(() => undefined);
    expect(await probeHttp({ url: silent, timeoutMs: 100 })).toMatchObject({
      reason: "it did not answer within 100 ms",
    });
    const drip = await serve((_, response) => void setInterval(() => response.write("."), 10).unref());
    expect(await probeHttp({ url: drip, contains: "x", timeoutMs: 200 })).toMatchObject({ kind: "failed" });
    const flood = await serve((_, response) => {
      const pour = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, "."))) continue;
        response.once("drain", pour);
      };
      pour();
    });
    expect(await probeHttp({ url: flood, contains: "x", timeoutMs: 30_000 })).toMatchObject({
      reason: 'its body does not contain "x"',
    });
    expect(await probeHttp({ url: `http://127.0.0.1:${await deadPort()}/`, timeoutMs: 5000 })).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("shows nothing that a terminal would act on", async () => {
    const server = createTcpServer((socket) => socket.end("HTTP/1.1 \u001b[31mred\r\n\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const result = await probeHttp({ url: `http://127.0.0.1:${port}/`, timeoutMs: 5000 });
    server.close();
    expect(result.kind).toBe("failed");
    expect(JSON.stringify(result)).not.toContain("\\u001b");
  });

  it("throws where it is aborted", async () => {
    const url = await serve(() => undefined);
    const aborted = probeHttp({ url, timeoutMs: 60_000 }, AbortSignal.timeout(50));
    await expect(aborted).rejects.toThrow(/timeout|aborted/);
  });
});

describe("probeTcp", () => {
  it("passes where somebody listens, fails where nobody does", async () => {
    const port = Number(new URL(await serve(() => undefined)).port);
    expect((await probeTcp({ host: "127.0.0.1", port, timeoutMs: 5000 })).kind).toBe("passed");
    expect(await probeTcp({ host: "127.0.0.1", port: await deadPort(), timeoutMs: 5000 })).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("throws where it is aborted", async () => {
    await expect(probeTcp({ host: "127.0.0.1", port: 9, timeoutMs: 1000 }, AbortSignal.abort())).rejects.toThrow();
  });
});
