import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, describe, it } from "vitest";
import { collectBytes } from "../../src/lib/index.ts";
import { smallFleets } from "./fixture.ts";
import { hour, minute, smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();

/** A CI on loopback that says of every digest what `verdict` is at that time; undefined: it is down. */
async function openPipeline() {
  const state = { verdict: "passed" as "passed" | "failed" | "pending" | undefined, asked: 0, ids: new Set<string>() };
  const server = createServer((incoming, response) => {
    void collectBytes(incoming, 1 << 20, "a request").then(() => {
      if (state.verdict === undefined) return response.writeHead(503).end();
      state.ids.add(String(incoming.headers["webhook-id"]));
      state.asked += 1;
      if (state.verdict === "pending" && incoming.method === "POST")
        return response.writeHead(202).end(JSON.stringify({ status: "/runs/7" }));
      const messages = state.verdict === "failed" ? ["checkout is broken"] : [];
      return response.writeHead(200).end(JSON.stringify({ verdict: state.verdict, messages }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  fleets.onEnd(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/verify` };
}

describe("an environment whose pipeline gives the verdict", () => {
  it("waits while it is down, moves when it says so, and not when it says no", { timeout: 90_000 }, async () => {
    const { state, url } = await openPipeline();
    const ci = { name: "ci", pipeline: { url, secret: "a secret of the pipeline", poll: "100ms" } };
    const environments = [{ name: "staging" }, { name: "production", checks: [ci] }];
    const { small, run, pointer, version, operations, clock, fleet } = await fleets.start({ environments });
    expect(state.ids.size).toBe(3);
    const old = await pointer("small-alone");

    state.verdict = undefined;
    await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await run();
    expect(await version("small-alone", "small-gauge", "staging")).toBe("1.0-2");
    expect(await pointer("small-alone")).toBe(old);
    const [waiting] = (await operations.status({ image: "small-alone" })).rebuilds;
    expect(waiting?.reason).toContain("could not run");
    const candidate = (await pointer("small-alone", "staging")) ?? "";
    const told = await operations.why({ image: "small-alone", digest: candidate });
    expect(told.verifications.flatMap(({ checks }) => checks)).toContainEqual({
      name: "pipeline: ci (linux/amd64)",
      verdict: "not_run",
      message: "it answered 503",
    });
    expect(
      await operations.promote({ image: "small-alone", environment: "production", by: "ada", reason: "now" }),
    ).not.toMatchObject({ kind: "promoted" });

    state.verdict = "passed";
    clock.jump(11 * minute);
    await run();
    expect(await pointer("small-alone")).toBe(candidate);

    state.verdict = "failed";
    await small.publish(smallPackages({ "small-gauge": "1.0-3" }));
    clock.jump(2 * hour);
    await run();
    expect(await version("small-alone", "small-gauge", "staging")).toBe("1.0-3");
    expect(await pointer("small-alone")).toBe(candidate);
    const [newest] = await fleet.ctx.store.loadRebuilds({ image: "small-alone" });
    expect(newest).toMatchObject({
      state: "failed",
      lastError: { message: expect.stringContaining("checkout is broken") },
    });
  });

  it("leaves its secret in no row, and in no backup", { timeout: 90_000 }, async () => {
    const { state, url } = await openPipeline();
    const secret = "a secret of the pipeline";
    const checks = [{ name: "ci", pipeline: { url, secret, poll: "100ms" } }];
    const image = { packages: ["small-base", "small-gauge"], entrypoint: ["/usr/bin/small-gauge"], checks };
    const { small, fleet, operations } = await fleets.start({ images: { "small-alone": image } });
    expect(state.ids.size).toBeGreaterThan(0);
    const rows = await fleet.ctx.store.loadImages();
    expect(rows.find(({ name }) => name === "small-alone")?.definition).toEqual({
      recipe: "packages",
      distro: expect.any(String) as string,
      bases: [],
    });
    expect(JSON.stringify(rows)).not.toContain(secret);
    const { path } = await operations.backup({ to: join(small.folder, "backup.tar") });
    const tables = gunzipSync(await readFile(path)).toString("latin1");
    expect(tables.length).toBeGreaterThan(1000);
    expect(tables).not.toContain(secret);
  });

  it(
    "asks nobody to wait for it: it is looked at when its time has come, by whatever process works then",
    { timeout: 90_000 },
    async () => {
      const { state, url } = await openPipeline();
      const ci = { name: "ci", pipeline: { url, secret: "a secret of the pipeline", poll: "10m" }, timeout: "5h" };
      const environments = [{ name: "staging" }, { name: "production", checks: [ci] }];
      const started = await fleets.start({ environments });
      const { small, pointer, clock } = started;
      const old = await pointer("small-alone");
      state.verdict = "pending";
      await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
      const began = performance.now();
      await started.run();
      // A pass ends, though the pipeline takes hours.
      expect(performance.now() - began).toBeLessThan(60_000);
      const [asked] = await started.fleet.ctx.store.loadRebuilds({ image: "small-alone" });
      expect(asked).toMatchObject({ leaseOwner: null, finishedAt: null });
      const [status] = (await started.operations.status({ image: "small-alone" })).rebuilds;
      expect(status?.reason).toContain("a pipeline is asked for its verdict for production");
      const looks = state.asked;
      await started.run();
      expect(state.asked).toBe(looks);
      for (let hours = 0; hours < 3; hours += 1) {
        clock.jump(hour);
        await started.run();
      }
      expect(state.asked).toBe(looks + 3);
      expect(await pointer("small-alone")).toBe(old);
      await started.close();

      // Another process, which knows only what is stored.
      state.verdict = "passed";
      const next = await fleets.open(small);
      next.clock.jump(4 * hour);
      const before = state.asked;
      await next.run();
      expect(state.asked).toBe(before + 1);
      expect(await next.version("small-alone", "small-gauge")).toBe("1.0-2");
      const rows = await next.fleet.ctx.store.loadAudit({ image: "small-alone", actions: ["verified"], limit: 100 });
      expect(rows.filter(({ detail }) => detail["digest"] === asked?.candidate)).toHaveLength(2);
    },
  );

  it("is not looked at any more once a person rejected what it was asked about", { timeout: 90_000 }, async () => {
    const { state, url } = await openPipeline();
    const ci = { name: "ci", pipeline: { url, secret: "a secret of the pipeline", poll: "10m" }, timeout: "5h" };
    const environments = [{ name: "staging" }, { name: "production", checks: [ci] }];
    const { small, run, pointer, operations, clock, fleet } = await fleets.start({ environments });
    const old = await pointer("small-alone");
    state.verdict = "pending";
    await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await run();
    const digest = (await pointer("small-alone", "staging")) ?? "";
    const said = { image: "small-alone", environment: "production", digest, by: "ada", reason: "not this one" };
    await operations.reject(said);
    const looks = state.asked;
    state.verdict = "passed";
    clock.jump(hour);
    await run();
    expect(state.asked).toBe(looks);
    expect(await pointer("small-alone")).toBe(old);
    const [rebuild] = await fleet.ctx.store.loadRebuilds({ image: "small-alone" });
    expect(rebuild?.state).toBe("failed");
  });
});
