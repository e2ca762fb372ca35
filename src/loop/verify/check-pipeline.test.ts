import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { collectBytes, manualClock, sha256 } from "../../lib/index.ts";
import { pipelinesState, stepPipelines, type PipelineCheck, type PipelinesState } from "./check-pipeline.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const platforms = ["amd64", "arm64"].map((architecture) => ({ os: "linux", architecture }));

/** A pipeline that gives these answers one after the other, and then the last: a verdict, a status code, or `202`, whose status it names. */
async function open(verdict: string | readonly (string | number)[], messages: readonly string[] = []) {
  const answers = typeof verdict === "string" ? [verdict] : [...verdict];
  const clock = manualClock(0);
  const asked: { readonly id: string; readonly method: string; readonly body: unknown }[] = [];
  const server = createServer((incoming, response) => {
    void collectBytes(incoming, 1 << 20, "a request").then((bytes) => {
      asked.push({
        id: String(incoming.headers["webhook-id"]),
        method: incoming.method ?? "",
        body: bytes.length === 0 ? undefined : (JSON.parse(Buffer.from(bytes).toString("utf8")) as unknown),
      });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (typeof answer === "number") response.writeHead(answer).end(JSON.stringify({ status: "/runs/7" }));
      else response.writeHead(200).end(JSON.stringify({ verdict: answer, messages }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/verify`;
  const check: PipelineCheck = {
    name: "ci",
    pipeline: { url, secret: "a secret of the pipeline", poll: 100 },
    timeout: 5000,
  };
  const step = (state: PipelinesState, of: PipelineCheck = check, environment = "staging", isRefused = false) => {
    const digest = sha256("candidate");
    const told = { image: "web", environment, reference: `registry.example/web@${digest}` };
    return stepPipelines({ checks: [of], causes: [], digest, told }, platforms, isRefused, state, clock);
  };
  const ask = async (environment = "staging", isRefused = false, of: PipelineCheck = check) => {
    const first = await step({}, of, environment, isRefused);
    return first.kind === "ended" ? first.checks : [];
  };
  return { ask, asked, check, clock, step };
}

describe("a check whose verdict a pipeline gives", () => {
  it("asks once for all platforms, with one id for each candidate and environment", async () => {
    const { ask, asked } = await open("failed", ["checkout is broken"]);
    expect(await ask()).toEqual(
      platforms.map((platform) => ({
        name: "pipeline: ci",
        platform,
        verdict: "failed",
        messages: ["checkout is broken"],
        ms: 0,
      })),
    );
    await ask();
    await ask("production");
    const ids = asked.map(({ id }) => id);
    expect(ids).toHaveLength(3);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(asked[0]?.body).toMatchObject({
      type: "verify",
      data: {
        check: "ci",
        image: "web",
        environment: "staging",
        digest: sha256("candidate"),
        reference: `registry.example/web@${sha256("candidate")}`,
        platforms: ["linux/amd64", "linux/arm64"],
        causes: [],
      },
    });
  });

  it("says that a pipeline said no more", async () => {
    const { ask } = await open("failed");
    expect((await ask())[0]).toMatchObject({ verdict: "failed", messages: ["it said no more"] });
  });

  it("bothers nobody's pipeline with what is refused already", async () => {
    const { ask, asked } = await open("passed");
    expect((await ask("staging", true))[0]).toMatchObject({ verdict: "not_run" });
    expect(asked).toEqual([]);
    expect((await ask())[0]).toMatchObject({ verdict: "passed", messages: [] });
  });

  it("is not run where none answers: that is not the candidate's failure", async () => {
    const { ask, check } = await open("passed");
    for (const end of ends.splice(0)) await end();
    const results = await ask("staging", false, check);
    expect(results).toMatchObject([
      { verdict: "not_run", messages: [expect.stringContaining("ECONNREFUSED")] },
      { verdict: "not_run" },
    ]);
  });

  it("is not waited for: what was asked is kept, as JSON, and looked at when its time has come", async () => {
    const { asked, clock, step } = await open([202, "pending", 503, "failed"], ["checkout is broken"]);
    const first = await step({});
    if (first.kind !== "waits") throw new Error("it has ended");
    expect(first).toMatchObject({ resumeAt: 100, names: ["ci"] });
    let state = pipelinesState.parse(JSON.parse(JSON.stringify(first.state)));
    // Nobody asks before it is time.
    expect(await step(state)).toEqual(first);
    expect(asked).toHaveLength(1);
    for (const at of [2, 3]) {
      clock.advance(100);
      const next = await step(state);
      if (next.kind !== "waits") throw new Error("it has ended");
      expect(next.resumeAt).toBe(clock.now() + 100);
      expect(asked).toHaveLength(at);
      ({ state } = next);
    }
    clock.advance(100);
    expect(await step(state)).toMatchObject({
      kind: "ended",
      checks: [{ verdict: "failed", messages: ["checkout is broken"], ms: 300 }, { verdict: "failed" }],
    });
    expect(asked.map(({ method }) => method)).toEqual(["POST", "GET", "GET", "GET"]);
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
  });

  it("is not run where it does not say in time, and looked at once more where the clock was set back", async () => {
    const { asked, clock, step } = await open([202, "pending"]);
    const first = await step({});
    if (first.kind !== "waits") throw new Error("it has ended");
    clock.advance(5000);
    expect(await step(first.state)).toMatchObject({
      checks: [{ verdict: "not_run", messages: ["it gave no verdict within 5000 ms"] }, {}],
    });
    const far = { ci: { kind: "waits" as const, at: 0, next: 86_400_000, tries: 0, status: "/runs/7" } };
    await step(far);
    expect(asked).toHaveLength(3);
  });

  it("is asked again while it is in trouble, as often as is said, without anybody waiting", async () => {
    const { asked, clock, step, check } = await open([503, 503, 503]);
    const twice = { ...check, retries: { count: 2, pause: 1000 } };
    let state: PipelinesState = {};
    for (const at of [1, 2]) {
      const next = await step(state, twice);
      if (next.kind !== "waits") throw new Error("it has ended");
      expect(next.resumeAt).toBe(at * 1000);
      ({ state } = next);
      clock.advance(1000);
    }
    expect(await step(state, twice)).toMatchObject({
      checks: [{ verdict: "not_run", messages: ["it answered 503"] }, {}],
    });
    expect(asked.map(({ method }) => method)).toEqual(["POST", "POST", "POST"]);
  });
});
