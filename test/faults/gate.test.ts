import { describe, expect, it } from "vitest";
import { smallFleets } from "./fixture.ts";
import { smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();
const unknown = `sha256:${"0".repeat(64)}`;

describe("gate", () => {
  it("lets pass what an environment names and what may be promoted there, and nothing else", async () => {
    const environments = [{ name: "staging" }, { name: "production", approvals: { count: 1 } }];
    const { small, operations, pointer, run } = await fleets.open(await fleets.create({ environments }));
    await run();
    const image = "small-alone";
    const ask = (environment: string, digest?: string) =>
      operations.gate({ image, environment, ...(digest === undefined ? {} : { digest }) });
    const first = await pointer(image, "staging");
    // Nobody has approved it yet.
    expect(await ask("staging")).toMatchObject({ verdict: "passed", named: true, digest: first });
    expect(await ask("production")).toMatchObject({
      verdict: "refused",
      digest: null,
      reasons: ["production names no digest of small-alone"],
    });
    expect(await ask("production", first)).toMatchObject({
      verdict: "refused",
      named: false,
      reasons: expect.arrayContaining([expect.stringMatching(/approv/)]) as string[],
    });
    await operations.approve({ image, environment: "production", digest: first ?? "", by: "ada", reason: "seen" });
    await run();
    expect(await ask("production")).toMatchObject({ verdict: "passed", named: true, digest: first });

    await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await run();
    const second = await pointer(image, "staging");
    expect(second).not.toBe(first);
    expect((await ask("production", second)).reasons).toEqual([expect.stringMatching(/approv/)]);
    await operations.approve({ image, environment: "production", digest: second ?? "", by: "ada", reason: "seen" });
    expect(await ask("production", second?.slice(7, 19))).toMatchObject({ verdict: "passed", named: false });
    await operations.hold({ image, environment: "production", by: "eve", reason: "drill" });
    expect((await ask("production", second)).reasons).toEqual([expect.stringContaining("is on hold for production")]);
    // What runs there runs on.
    expect(await ask("production")).toMatchObject({ verdict: "passed", digest: first });
    await operations.rollback({ image, environment: "staging", by: "ada", reason: "it hangs" });
    expect((await ask("production", second)).reasons).toContainEqual(expect.stringContaining("is in quarantine"));

    expect(await ask("production", unknown)).toMatchObject({ verdict: "refused", digest: null });
    await expect(operations.gate({ image: "smal-alone", environment: "production" })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  it("refuses what lacks the evidence that is demanded", async () => {
    const { small, operations, fleet } = await fleets.start();
    expect(await operations.gate({ image: "small-root", environment: "production" })).toMatchObject({
      verdict: "passed",
      reference: expect.stringMatching(/small-root@sha256:[0-9a-f]{64}$/) as string,
    });
    await fleet.close();
    await small.tidemill(["keys", "make", `${small.folder}/own`], { env: { TIDEMILL_KEY_PASSPHRASE: "open" } });
    await small.configure({ evidence: { key: "own.key" } });
    const ended = await small.tidemill(["gate", "--image", "small-root", "-e", "production"]);
    expect(ended).toMatchObject({
      status: 3,
      out: expect.stringMatching(/^Refused:\n {2}small-root@sha256:/) as string,
    });
  });
});

describe("rebuild --wait", () => {
  it("ends when the rebuild has, and says how", async () => {
    const started = await fleets.start();
    const { small } = started;
    await started.close();
    const ended = await small.tidemill(["rebuild", "small-app", "--wait", "--reason", "drill", "--json"]);
    expect(ended.status).toBe(0);
    expect(JSON.parse(ended.out)).toMatchObject({ kind: "queued", ended: { image: "small-app", state: "unchanged" } });
    expect(await small.tidemill(["rebuild", "small-app", "--wait", "--timeout", "soon"])).toMatchObject({ status: 2 });
  });
});
