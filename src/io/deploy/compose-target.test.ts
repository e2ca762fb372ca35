import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { createDeployTarget, type DeployMeans, type DeployRequest } from "./index.ts";
import { loneMemory, loneWorld } from "./testdata/lone-world.ts";

const { DOCKER_HOST: before } = process.env;
let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "tidemill-compose-"));
  // The daemon is looked for as its own tools do it.
  process.env["DOCKER_HOST"] = `unix://${home}/docker.sock`;
});
afterEach(async () => {
  if (before === undefined) delete process.env["DOCKER_HOST"];
  else process.env["DOCKER_HOST"] = before;
  await rm(home, { recursive: true, force: true });
});

const digest = sha256("new");
const place = { deployment: "shop", image: "web", environment: "production" };
const reference = `registry.example/web@${digest}`;
const request: DeployRequest = {
  ...place,
  id: "1",
  fence: 7,
  digest,
  reference,
  previous: undefined,
  kind: "forward",
  reason: "named",
};
const means: DeployMeans = {
  signal: new AbortController().signal,
  deadlineMs: 2000,
  confirmOurs: () => Promise.resolve(),
  memory: loneMemory(),
  isOurs: () => true,
  forced: false,
};

async function open(file: string | undefined, order: "start-first" | "stop-first" = "start-first") {
  if (file !== undefined) await writeFile(join(home, "docker-compose.yml"), file);
  const compose = { file: "docker-compose.yml", services: { web: "web" }, order, drain: 0 };
  return createDeployTarget({ environment: "production", deadline: 1, compose }, loneWorld(home));
}

describe("a compose target", () => {
  it.each([
    [undefined, /docker-compose\.yml: .*ENOENT/],
    ["services: { db: { image: a } }", /there is no service web in it/],
    ["services: { web: { image: a, ports: ['80:80'] } }", /publishes the port 80.*Publish it at a reverse proxy/],
    ["x".repeat(5_000_000), /larger than/],
  ])("whose file cannot be used says why, and nothing of the image", async (file, reason) => {
    const target = await open(file);
    const unusable = { reason: expect.stringMatching(reason) };
    expect(await target.apply(request, means)).toEqual({ kind: "unreachable", ...unusable });
    expect(await target.observe(place, means.signal)).toEqual({ kind: "unknown", ...unusable });
    expect(await target.undo(request, means)).toEqual({ kind: "again", ...unusable });
    expect((await target.plan(request, means.signal)).problem).toMatch(reason);
  });

  it("whose Docker is away says so, and nothing of the image", async () => {
    const target = await open("services: { web: { image: a } }");
    const away = { reason: expect.stringMatching(/^docker: /) };
    expect(await target.apply(request, means)).toEqual({ kind: "unreachable", ...away });
    expect(await target.observe(place, means.signal)).toEqual({ kind: "unknown", ...away });
    expect(await target.undo(request, means)).toEqual({ kind: "again", ...away });
  });

  it("says what it would do", async () => {
    const file = "services: { web: { image: a } }";
    const beside = [`starts web with ${reference} beside what runs`, "waits until it is healthy", "ends the old one"];
    expect(await (await open(file)).plan(request, means.signal)).toEqual({ steps: beside });
    const inPlace = ["ends what runs of web", `starts web with ${reference}`, "waits until it is healthy"];
    expect(await (await open(file, "stop-first")).plan(request, means.signal)).toEqual({ steps: inPlace });
  });
});
