import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { readVersion } from "../../src/version.ts";
import { serveFleet } from "../../src/serve-fleet.ts";
import { smallFleets } from "../faults/fixture.ts";
import { hour } from "../faults/small-fleet.ts";
import { openCiSite, type CiSite } from "./ci-site.ts";
import { readAction, runAction, runComponent } from "./run-jobs.ts";

const fleets = smallFleets();
const sites: CiSite[] = [];
afterEach(() => Promise.all(sites.splice(0).map((site) => site.close())));

async function open(kind: "github" | "gitlab"): Promise<CiSite & { readonly work: string }> {
  const site = await openCiSite(kind);
  sites.push(site);
  return { ...site, work: join(site.folder, "work") };
}

const runs = {
  github: { run: runAction, token: "github-actions[bot]" },
  gitlab: { run: runComponent, token: "tidemill-bot" },
} as const;

describe.each(["github", "gitlab"] as const)("the part for %s", { timeout: 120_000 }, (kind) => {
  const { run, token } = runs[kind];

  it("scans, comments, and ends as the rules say", async () => {
    const { work, after, before, feed, forge, env } = await open(kind);
    const inputs = { subject: after, against: before, feeds: feed, "fail-on": "high,fixable  kev", "only-new": true };
    const ended = await run(
      work,
      { ...inputs, sarif: "a b.sarif", junit: "scan.xml" },
      { ...env(), TOKEN_OF_JOB: "made-up-job-token" },
    );
    expect(ended.status, ended.out).toBe(3);
    expect(forge.comments(7)).toMatchObject([{ author: token }]);
    expect(forge.statuses).toHaveLength(1);
    expect(JSON.parse(await readFile(join(work, "a b.sarif"), "utf8"))).toMatchObject({ version: "2.1.0" });
    expect(await readFile(join(work, "scan.xml"), "utf8")).toContain("<testsuites");
    if (kind === "github")
      expect(ended.outputs).toMatchObject({ verdict: "failed", findings: "1", new: "1", reference: "" });
    const passed = await run(work, { subject: after, feeds: feed }, { ...env(), TOKEN_OF_JOB: "made-up-job-token" });
    expect(passed.status, passed.out).toBe(0);
    expect(forge.comments(7)).toHaveLength(1);
  });

  it.each([
    '$(touch pwned)"; touch pwned; echo "',
    "`touch pwned`",
    "';touch pwned;'",
    "--config=/etc/passwd",
    "a\ntouch pwned\n",
    "${{ github.token }}$[[ inputs.mode ]]",
  ])("takes %j for a name, in every place", async (hostile) => {
    const { work, forge, env } = await open(kind);
    const before = await readdir(work);
    for (const input of ["subject", "image", "environment", "against", "fail-on", "feeds"]) {
      // What a pipeline hands on stands in a variable of the job.
      const value = kind === "gitlab" ? "$HOSTILE" : hostile;
      const ended = await run(
        work,
        { [input]: value },
        { ...env(), HOSTILE: hostile, TIDEMILL_SERVER: "http://127.0.0.1:9" },
      );
      expect(ended.out).not.toContain("command not found");
    }
    const made = (await readdir(work)).filter((name) => !before.includes(name));
    expect(made.filter((name) => /pwned/.test(name))).toEqual([]);
    expect(forge.asked.filter((asked) => asked.includes("pwned"))).toEqual([]);
  });

  it("runs the version that it was made with, by its number", async () => {
    const { work, env } = await open(kind);
    if (kind === "github") {
      const action = await readAction();
      expect(action.inputs["version"]?.default).toBe(readVersion());
      for (const step of action.runs.steps) {
        expect(step.uses).toBeUndefined();
        expect(step.run).not.toContain("${{");
      }
      const ended = await runAction(work, { version: "latest;id" }, env());
      expect(ended.status).toBe(2);
    }
    const text = await readFile(new URL("../../ci/gitlab/templates/tidemill.yml", import.meta.url), "utf8");
    expect(text).toContain(`default: ${readVersion()}\n`);
    const other = await run(work, { version: "9.9.9" }, env());
    expect([other.status, other.out]).toEqual([97, expect.stringContaining("tidemill@9.9.9 -- tidemill")]);
  });
});

describe("a gate and a rebuild in a pipeline", { timeout: 120_000 }, () => {
  it("lets through what production names, by its digest, refuses what is unknown, and waits for a fresh image", async () => {
    const { small, fleet, operations } = await fleets.start();
    const served = await serveFleet(fleet, {
      env: small.env,
      configPath: small.configPath,
      listen: "127.0.0.1:0",
      watch: true,
    });
    fleets.onEnd(() => served.close());
    const expiresAt = new Date(Date.now() + hour).toISOString();
    const made = await operations.tokenCreate({ name: "ci", roles: ["operator"], labels: [], by: "ada", expiresAt });
    const job = join(small.folder, "job");
    await mkdir(job);
    const server = new URL(served.statusPage).origin;
    const env = { HOME: small.folder, TIDEMILL_TOKEN: made.secret };
    const gate = { mode: "gate", image: "small-alone", environment: "production" };
    const reference = expect.stringMatching(/^127\.0\.0\.1:\d+\/small-alone@sha256:[0-9a-f]{64}$/) as string;
    const passed = await runAction(job, { ...gate, server, token: made.secret }, env);
    expect(passed.status, passed.out).toBe(0);
    expect(passed.outputs["reference"]).toEqual(reference);
    const refused = await runAction(
      job,
      { ...gate, image: "small-alone@000000000000", server, token: made.secret },
      env,
    );
    expect(refused.status, refused.out).toBe(3);
    expect(refused.outputs["reference"]).toBe("");
    const gitlab = await runComponent(job, { ...gate, server }, env);
    expect(gitlab.status, gitlab.out).toBe(0);
    expect(gitlab.outputs["TIDEMILL_REFERENCE"]).toEqual(reference);
    const fresh = await runAction(
      job,
      { mode: "rebuild", image: "small-alone", timeout: "2m", server, token: made.secret },
      env,
    );
    expect(fresh.status, fresh.out).toBe(0);
    expect(fresh.out).toMatch(/small-alone: (?:nothing changed|.* is in every environment)/);
  });
});
