import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect } from "vitest";
import { createDockerEngine } from "../../src/io/engine/docker-engine.ts";
import { fetchBusybox } from "../../src/io/engine/testdata/made-image.ts";
import { missingMirror } from "../../src/loop/build/testdata/real-packages.ts";
import type { DebSpec } from "../fakes/make-deb.ts";
import { needs } from "../needs.ts";
import { smallFleets } from "./fixture.ts";
import { minute, smallPackages } from "./small-fleet.ts";

const amd64 = { os: "linux", architecture: "amd64" };
const engine = createDockerEngine(`asked-engine-test-${process.pid}`);
const unusable = (await missingMirror()) ?? (await engine.missing());
const missing = unusable ?? ((await engine.canRun(amd64)) ? undefined : "an engine for amd64");
await engine.close();
const it = needs(missing);
const fleets = smallFleets();
const secret = `whsec_${Buffer.from("twenty-four bytes of key").toString("base64")}`;
/** Nobody listens there: what is to be sent stays in the outbox. */
const notifications = { webhook: { url: "http://127.0.0.1:9/hook", secret } };
const alone = ["small-alone"];

let busybox: Uint8Array;
beforeAll(async () => {
  if (missing === undefined) busybox = await fetchBusybox();
});

/** The machine's engine behind a socket that comes and goes. */
async function createComingEngine() {
  const folder = await mkdtemp(join(tmpdir(), "tm-engine-"));
  const path = join(folder, "engine.sock");
  const real = (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").replace(/^unix:\/\//, "");
  const open = new Set<Socket>();
  let server: Server | undefined;
  const go = async (): Promise<void> => {
    for (const one of open) one.destroy();
    const ended = server;
    server = undefined;
    if (ended !== undefined) await new Promise((resolve) => ended.close(resolve));
  };
  const come = async (): Promise<void> => {
    const begun = createServer({ allowHalfOpen: true }, (client) => {
      const there = connect({ path: real, allowHalfOpen: true });
      for (const [one, other] of [
        [client, there],
        [there, client],
      ] as const) {
        open.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => open.delete(one));
        one.pipe(other);
      }
    });
    server = begun;
    await new Promise<void>((resolve) => begun.listen(path, resolve));
  };
  fleets.onEnd(async () => {
    await go();
    await rm(folder, { recursive: true, force: true });
  });
  return { host: `unix://${path}`, come, go };
}

function serving(version: string): DebSpec[] {
  const entries = [
    { path: "usr/bin/busybox", content: busybox, mode: 0o755 },
    { path: "srv/healthz", content: `all is well in ${version}\n` },
  ];
  return smallPackages({ "small-gauge": version }).map((one) =>
    one.name === "small-gauge" ? { ...one, entries } : one,
  );
}

describe("an engine that checks need", () => {
  it("is asked for once while it is away, and not any more once it is found, also late and after it went", async () => {
    const { host, come, go } = await createComingEngine();
    const answers = { name: "answers", http: { port: 8080, path: "/healthz", contains: "all is well" }, start: "5s" };
    const small = await fleets.create(
      {
        notifications,
        images: {
          "small-alone": {
            packages: ["small-gauge"],
            entrypoint: ["/usr/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/srv"],
            checks: [answers],
          },
        },
        environments: [{ name: "staging", requireRun: true }],
      },
      { DOCKER_HOST: host },
    );
    await small.publish(serving("1.0-2"));
    const { run, version, fleet, clock } = await fleets.open(small);
    const sent = async (event: string) =>
      (await fleet.ctx.store.loadPendingNotifications(1000))
        .filter((one) => one.event === event)
        .map(({ body }) => body);
    const gauge = () => version("small-alone", "small-gauge", "staging");

    await run(alone);
    expect(await gauge()).toBeUndefined();
    const [asked, ...others] = await sent("question-asked");
    expect(others).toEqual([]);
    expect(asked).toMatchObject({
      kind: "engine",
      image: "small-alone",
      environment: "staging",
      message: expect.stringMatching(
        /^small-alone for staging: http: answers .*no Docker engine can be reached/,
      ) as string,
      answer: expect.stringContaining("tidemill doctor") as string,
    });
    clock.jump(11 * minute);
    await run(alone);
    expect(await sent("question-asked")).toHaveLength(1);
    expect(await sent("question-closed")).toEqual([]);

    // It comes after the fleet was opened: the next look finds it.
    await come();
    clock.jump(11 * minute);
    await run(alone);
    expect(await gauge()).toBe("1.0-2");
    expect(await sent("question-closed")).toMatchObject([{ kind: "engine", digest: asked?.["digest"] }]);
    expect(await fleet.ctx.store.loadQuestions()).toEqual([]);

    await go();
    await small.publish(serving("1.0-3"));
    clock.jump(11 * minute);
    await run(alone);
    expect(await gauge()).toBe("1.0-2");
    const again = (await sent("question-asked")).slice(1);
    expect(again).toMatchObject([{ kind: "engine", environment: "staging" }]);
    expect(again[0]?.["digest"]).not.toBe(asked?.["digest"]);

    await come();
    clock.jump(11 * minute);
    await run(alone);
    expect(await gauge()).toBe("1.0-3");
    expect(await sent("question-closed")).toHaveLength(2);
  }, 180_000);
});
