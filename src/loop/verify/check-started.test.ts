import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { CheckConfig } from "../../core/config/index.ts";
import type { ImageSource } from "../../core/image/index.ts";
import type { AskServed, RunEngine, Served, ServeRequest } from "../../io/engine/index.ts";
import type { PlatformImage } from "../../io/layer/index.ts";
import { checkServedScript } from "./check-script.ts";
import { checkStarted } from "./check-started.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** An engine whose container is a server of this process. */
async function served(listener: RequestListener): Promise<{ port: number; engine: (end?: AbortSignal) => RunEngine }> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const engine = (end = new AbortController().signal): RunEngine => ({
    name: "test",
    missing: () => Promise.resolve(undefined),
    canRun: () => Promise.resolve(true),
    run: () => Promise.reject(new Error("unused")),
    serve: async <T>(_: ServeRequest, ask: AskServed<T>): Promise<Served<T>> => ({
      answer: await ask("127.0.0.1", end),
      output: "starting\nlistening\n",
    }),
    sweep: () => Promise.resolve(0),
    close: () => Promise.resolve(),
  });
  return { port, engine };
}
type StartedCheck = Extract<CheckConfig, { http: unknown } | { tcp: unknown }>;
const common = { name: "answers", env: {}, writable: false, start: 10_000, timeout: 1000 };
const http = (port: number, more: { contains?: string; status?: number[] } = {}): StartedCheck => ({
  ...common,
  http: { port, path: "/healthz", method: "GET", headers: {}, ...more },
});
const image = { parsed: {}, platform: { os: "linux", architecture: "amd64" } } as unknown as PlatformImage;
const source = {} as ImageSource;

describe("a service that is started for a check", () => {
  it("is asked until it answers as is wanted", async () => {
    let asked = 0;
    const { port, engine } = await served((question, response) => {
      asked += 1;
      response.writeHead(asked < 3 || question.url !== "/healthz" ? 503 : 200).end("all is well");
    });
    expect(await checkStarted(http(port, { contains: "well" }), source, image, engine(), undefined)).toMatchObject({
      verdict: "passed",
      messages: [],
    });
    expect(asked).toBe(3);
  });

  it("fails with its last answer and what it said, where its time is over", async () => {
    const { port, engine } = await served((_, response) => void response.writeHead(503).end());
    expect(await checkStarted({ ...http(port), start: 500 }, source, image, engine(), undefined)).toMatchObject({
      verdict: "failed",
      messages: ["it was not well within 500 ms: it answered 503", "starting", "listening"],
    });
  });

  it("fails at once where it ends meanwhile", async () => {
    const { port, engine } = await served(() => undefined);
    const end = new AbortController();
    setTimeout(() => end.abort("it ended with status 3"), 100);
    const began = performance.now();
    const outcome = await checkStarted(http(port), source, image, engine(end.signal), undefined);
    expect(outcome.messages[0]).toBe("it ended with status 3");
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it("passes for `tcp` where somebody listens, and throws where it is aborted", async () => {
    const { port, engine } = await served(() => undefined);
    expect((await checkStarted({ ...common, tcp: port }, source, image, engine(), undefined)).verdict).toBe("passed");
    const signal = AbortSignal.timeout(100);
    await expect(checkStarted(http(port), source, image, engine(signal), signal)).rejects.toThrow(/timeout|aborted/);
  });
});

describe("a program of one's own that asks a started candidate", () => {
  const told = { image: "web", environment: "staging", reference: "registry.example/web@sha256:1" };
  const request = { source, digest: `sha256:${"1".repeat(64)}`, told } as const;
  const script = (port: number, body: string, start = 5000) => ({
    name: "ask",
    script: [process.execPath, "-e", body],
    timeout: 10_000,
    serve: { port, env: {}, writable: false, start },
  });
  const ask =
    "fetch(`http://${process.env.TIDEMILL_ADDRESS}/`).then(async (r) => { console.log(await r.text()); process.exit(r.status === 200 ? 0 : 3) })";

  it("is told where it is, once it listens", async () => {
    let status = 200;
    const { port, engine } = await served((_, response) => response.writeHead(status).end("from the candidate"));
    expect(await checkServedScript(script(port, ask), request, image, engine(), undefined)).toMatchObject({
      verdict: "passed",
      messages: [],
    });
    status = 500;
    expect(await checkServedScript(script(port, ask), request, image, engine(), undefined)).toMatchObject({
      verdict: "failed",
      messages: ["it ended with 3, not 0", "from the candidate"],
    });
  });

  it("fails where the candidate does not listen, ends meanwhile, or cannot be started", async () => {
    const { port, engine } = await served((_, response) => response.end());
    const silent = await checkServedScript(script(1, ask, 300), request, image, engine(), undefined);
    expect(silent).toMatchObject({
      verdict: "failed",
      messages: [expect.stringMatching(/not well within 300 ms/), "starting", "listening"],
    });
    const ending = new AbortController();
    setTimeout(() => ending.abort("it ended with status 1"), 500);
    const slow = script(port, "setTimeout(() => {}, 8000)");
    const ended = await checkServedScript(slow, request, image, engine(ending.signal), undefined);
    expect(ended.verdict).toBe("failed");
    const broken = { ...engine(), serve: () => Promise.reject(new Error("the daemon is away")) };
    expect(await checkServedScript(slow, request, image, broken, undefined)).toMatchObject({
      verdict: "failed",
      messages: ["the daemon is away"],
    });
    const stop = AbortSignal.abort(new Error("stopped"));
    await expect(checkServedScript(slow, request, image, broken, stop)).rejects.toThrow("stopped");
  });
});
