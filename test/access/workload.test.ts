import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { serveFleet } from "../../src/serve-fleet.ts";
import { startIssuer } from "../fakes/openid-issuer.ts";
import { smallFleets } from "../faults/fixture.ts";
import { freePort } from "../free-port.ts";
import { runTidemill, type Ended } from "../quickstart/run-quickstart.ts";

const fleets = smallFleets();

describe("a job of GitHub", () => {
  it("asks a server by who it is, without any secret, and for no more than its repository may", async () => {
    const port = await freePort();
    const audience = `http://127.0.0.1:${port}`;
    const issuer = await startIssuer({ audience });
    fleets.onEnd(() => issuer.close());
    const claims = { repository_id: 1, ref: "refs/heads/main", event_name: "push" };
    const rule = { issuer: issuer.address, audience, claims, roles: ["operator"] };
    const small = await fleets.create({ server: { workloads: [rule] } });
    const { fleet, operations } = await fleets.open(small);
    const { env, configPath } = small;
    const served = await serveFleet(fleet, { env, configPath, listen: `127.0.0.1:${port}`, watch: false });
    fleets.onEnd(() => served.close());

    // What a runner offers to a job with `id-token: write`: the token is asked for with one that counts there alone.
    let claimsOfJob: Readonly<Record<string, unknown>> = {};
    issuer.answer(`/runner?audience=${encodeURIComponent(audience)}`, (response) =>
      response.end(JSON.stringify({ value: issuer.token(claimsOfJob) })),
    );
    const desk = await mkdtemp(join(tmpdir(), "tidemill-job-"));
    fleets.onEnd(() => rm(desk, { recursive: true, force: true }));
    const job = (...args: readonly string[]): Promise<Ended> =>
      runTidemill(args, {
        cwd: desk,
        env: {
          HOME: desk,
          XDG_CONFIG_HOME: undefined,
          TIDEMILL_SERVER: audience,
          TIDEMILL_TOKEN: "",
          ACTIONS_ID_TOKEN_REQUEST_URL: `${issuer.address}/runner`,
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: "of-the-runner",
        },
      });

    expect(await job("hold", "small-app", "--reason", "release train")).toMatchObject({ status: 0, err: "" });
    const [hold] = await fleet.ctx.store.loadAudit({ actions: ["held"], limit: 1 });
    const name = `${new URL(issuer.address).host}:acme/deploy@refs/heads/main`;
    expect(hold).toMatchObject({ actor: name });
    expect((await operations.status({})).holds).toMatchObject([{ by: name, image: "small-app" }]);

    expect(await job("approve", "small-app", "production", "--reason", "x")).toMatchObject({
      status: 3,
      err: expect.stringContaining("ROLE_MISSING") as string,
    });
    // What anybody's pull request starts with the same ref, and a repository that took the name over.
    for (const other of [{ event_name: "pull_request_target" }, { repository_id: "99" }]) {
      claimsOfJob = other;
      expect(await job("status")).toMatchObject({ status: 3, err: expect.stringContaining("no rule") as string });
    }
    const checks = (await operations.doctor({})).checks.filter((one) => one.name.startsWith("issuer"));
    expect(checks).toMatchObject([{ state: "ok" }]);
  }, 120_000);
});
