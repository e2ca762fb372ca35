import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, describe, it } from "vitest";
import { collectBytes } from "../../src/lib/index.ts";
import { smallFleets } from "./fixture.ts";
import { hour, minute, smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();

/** A CI on loopback that says of every digest what `verdict` is at that time; undefined: it is down. */
async function openPipeline() {
  const state = { verdict: "passed" as "passed" | "failed" | undefined, ids: new Set<string>() };
  const server = createServer((incoming, response) => {
    void collectBytes(incoming, 1 << 20, "a request").then(() => {
      if (state.verdict === undefined) return response.writeHead(503).end();
      state.ids.add(String(incoming.headers["webhook-id"]));
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
});
