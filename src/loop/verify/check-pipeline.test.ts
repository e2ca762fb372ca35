import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { collectBytes, manualClock, sha256 } from "../../lib/index.ts";
import { checkPipelines, type PipelineCheck } from "./check-pipeline.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const platforms = ["amd64", "arm64"].map((architecture) => ({ os: "linux", architecture }));

/** A pipeline that gives this verdict of every candidate. */
async function open(verdict: string, messages: readonly string[] = []) {
  const asked: { readonly id: string; readonly body: unknown }[] = [];
  const server = createServer((incoming, response) => {
    void collectBytes(incoming, 1 << 20, "a request").then((bytes) => {
      asked.push({
        id: String(incoming.headers["webhook-id"]),
        body: JSON.parse(Buffer.from(bytes).toString("utf8")) as unknown,
      });
      response.writeHead(200).end(JSON.stringify({ verdict, messages }));
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
  const ask = (environment = "staging", isRefused = false, of: PipelineCheck = check) => {
    const digest = sha256("candidate");
    const told = { image: "web", environment, reference: `registry.example/web@${digest}` };
    return checkPipelines({ checks: [of], causes: [], digest, told }, platforms, isRefused, manualClock(0));
  };
  return { ask, asked, check };
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
    const results = await ask("staging", false, { ...check, retries: { count: 1, pause: 1 } });
    expect(results).toMatchObject([
      { verdict: "not_run", messages: [expect.stringContaining("ECONNREFUSED")] },
      { verdict: "not_run" },
    ]);
  });
});
