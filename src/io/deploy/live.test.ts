import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { askLive, bothRun } from "./live.ts";

const [first, second] = [sha256("1"), sha256("2")];
const place = { deployment: "shop", image: "web", environment: "production" };
const servers: Server[] = [];
afterEach(() => Promise.all(servers.splice(0).map((one) => new Promise((resolve) => one.close(resolve)))));
const never = new AbortController().signal;
const cluster = () => {
  throw new Error("no cluster is asked");
};

/** Answers each question with `body`, and tells what was asked. */
async function serve(body: string, status = 200) {
  const asked: [string, string | undefined][] = [];
  const server = createServer((request, response) => {
    asked.push([request.url ?? "", request.headers.authorization]);
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

async function argo(status: object | string, code?: number) {
  const { url, asked } = await serve(typeof status === "string" ? status : JSON.stringify({ status }), code);
  const live = { argocd: { url, application: "shop-{image}", token: "made-up" } };
  return { seen: await askLive(live, place, { repository: "registry.example:5000/web", cluster }, never), asked };
}

describe("what follows a branch", () => {
  it("says by an address what runs", async () => {
    const { url, asked } = await serve(JSON.stringify({ digest: first }));
    const live = { url: `${url}/runs?of={image}`, headers: { authorization: "Bearer x" } };
    expect(await askLive(live, { ...place, image: "a&b" }, { repository: "r/web", cluster }, never)).toEqual({
      kind: "running",
      digests: [first],
    });
    expect(asked).toEqual([["/runs?of=a%26b", "Bearer x"]]);
    expect(
      await askLive({ ...live, url: "http://127.0.0.1:1/" }, place, { repository: "r/web", cluster }, never),
    ).toMatchObject({
      kind: "unknown",
      reason: expect.stringContaining("does not answer"),
    });
  });

  it("says by Argo CD which images its live objects have, once they are healthy", async () => {
    const images = [
      `registry.example:5000/web:1@${first}`,
      `registry.example:5000/web@${second}`,
      "other/web@x",
      "registry.example:5000/webs",
    ];
    const { seen, asked } = await argo({
      health: { status: "Healthy" },
      sync: { status: "Synced" },
      summary: { images },
    });
    expect(seen).toEqual({ kind: "running", digests: [first, second] });
    expect(asked).toEqual([["/api/v1/applications/shop-web", "Bearer made-up"]]);
    const not = async (status: object | string, code?: number) => (await argo(status, code)).seen;
    expect(await not({ health: { status: "Degraded\u001b[2J" }, summary: { images } })).toEqual({
      kind: "unknown",
      reason: expect.stringMatching(/^Argo CD says that the application is Degraded/),
    });
    expect(
      await not({ health: { status: "Healthy" }, summary: { images: ["registry.example:5000/web:1"] } }),
    ).toMatchObject({ kind: "unknown" });
    expect(await not({ health: { status: "Healthy" }, summary: {} })).toMatchObject({ kind: "absent" });
    expect(await not({ summary: { images } })).toMatchObject({ kind: "unknown" });
    expect(await not("[]")).toEqual({ kind: "unknown", reason: "its answer is no application of Argo CD" });
    expect(await not("{}", 403)).toEqual({ kind: "unknown", reason: "what follows answered 403" });
    const padding = "x".repeat(17 * 1_048_576);
    expect(await not({ health: { status: "Healthy" }, padding })).toMatchObject({ kind: "unknown" });
  });

  it("runs what both say, so that neither a revert nor a delay is missed", () => {
    const running = (...digests: (typeof first)[]) => ({ kind: "running", digests }) as const;
    const unknown = { kind: "unknown", reason: "x" } as const;
    expect(bothRun(running(first), running(first))).toEqual(running(first));
    expect(bothRun(running(second), running(first))).toEqual(running(second, first));
    expect(bothRun(unknown, running(first))).toEqual(unknown);
    expect(bothRun(running(first), unknown)).toEqual(unknown);
  });
});
