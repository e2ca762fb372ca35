import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { serveFleet } from "../../src/serve-fleet.ts";
import { smallFleets } from "../faults/fixture.ts";
import { hour, smallPackages } from "../faults/small-fleet.ts";
import { runTidemill } from "../quickstart/run-quickstart.ts";
import { headSha } from "./ci-site.ts";
import { startForge } from "../fakes/fake-forge.ts";

const fleets = smallFleets();

describe("tidemill ci beside a server", { timeout: 120_000 }, () => {
  it("takes from it what runs in production and what its feeds know, or by a token that only reads what runs", async () => {
    const small = await fleets.create({});
    const feed = join(small.folder, "osv");
    await mkdir(feed);
    const at = new Date(Date.now() - hour).toISOString();
    const events = [{ introduced: "1.0-2" }, { fixed: "1.0-3" }];
    const affected = [
      { package: { ecosystem: "Debian:12", name: "small-gauge" }, ranges: [{ type: "ECOSYSTEM", events }] },
    ];
    const severity = [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }];
    const record = { schema_version: "1.7.0", id: "CVE-2099-0001", published: at, modified: at, severity, affected };
    await writeFile(join(feed, "1.json"), JSON.stringify(record));
    const release = { path: "usr/lib/os-release", content: 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=small\n' };
    const publish = (version: string) =>
      small.publish(
        smallPackages({ "small-gauge": version }).map((one) =>
          one.name === "small-base" ? { ...one, entries: [...(one.entries ?? []), release] } : one,
        ),
      );
    await small.configure({
      environments: [{ name: "staging" }, { name: "production", gates: { scan: { failOn: ["critical"] } } }],
      images: { "small-alone": { packages: ["small-base", "small-gauge"], entrypoint: ["/usr/bin/small-gauge"] } },
      feeds: [{ kind: "osv", from: feed }],
    });
    await publish("1.0-1");
    const { fleet, operations, run } = await fleets.open(small);
    await run();
    await publish("1.0-2");
    await run();
    const served = await serveFleet(fleet, {
      env: small.env,
      configPath: small.configPath,
      listen: "127.0.0.1:0",
      watch: false,
    });
    fleets.onEnd(() => served.close());
    const expiresAt = new Date(Date.now() + hour).toISOString();
    const token = async (name: string, role: "viewer" | "operator"): Promise<string> => {
      const made = await operations.tokenCreate({ name, roles: [role], labels: [], by: "ada", expiresAt });
      return made.secret;
    };
    const secret = await token("ci", "operator");
    const forge = await startForge("gitea");
    fleets.onEnd(() => forge.close());
    const env = {
      HOME: small.folder,
      XDG_CACHE_HOME: join(small.folder, "ci-cache"),
      TIDEMILL_SERVER: new URL(served.statusPage).origin,
      TIDEMILL_TOKEN: secret,
      GITEA_TOKEN: "made-up-token",
      CI: "true",
      GITHUB_ACTIONS: "",
    };
    const page = `${new URL(forge.api).origin}/acme/stack/pulls/3`;
    const about = ["--pull-request", page, "--commit", headSha, "--fail-on", "critical", "--only-new"];
    const job = join(small.folder, "job");
    await mkdir(job);
    const ci = (subject: string, ...more: string[]) =>
      runTidemill(["ci", subject, ...about, ...more], { cwd: job, env });
    const ended = await ci(`${served.registry}/small-alone:staging`, "--json");
    expect([ended.status, ended.err]).toEqual([3, ""]);
    expect(JSON.parse(ended.out)).toMatchObject({
      system: "generic",
      production: { image: "small-alone", environment: "production" },
      scan: { comparison: { added: [{ id: "CVE-2099-0001" }], gone: [] } },
      diff: { packages: [{ name: "small-gauge", from: "1.0-1", to: "1.0-2" }] },
    });
    const [comment] = forge.comments(3);
    expect(comment?.body).toContain("Compared with `small-alone in production`");
    expect(comment?.body).not.toContain(secret);
    expect(forge.statuses).toMatchObject([{ context: "tidemill (small-alone)", state: "failure" }]);
    // What runs is no worse than itself.
    expect((await ci(`${served.registry}/small-alone:production`)).status).toBe(0);
    expect(forge.comments(3)).toHaveLength(1);
    // A token that only reads tells what runs; the scan is made here, by feeds that are here.
    env.TIDEMILL_TOKEN = await token("reader", "viewer");
    const blind = await ci(`${served.registry}/small-alone:staging`);
    expect(blind.status).toBe(3);
    expect(blind.out).toContain("the server scans for operators only");
    expect(blind.out).toContain("unknown: no feed");
    const here = await ci(`${served.registry}/small-alone:staging`, "--feed", feed, "--json");
    expect(here.status).toBe(3);
    expect(JSON.parse(here.out)).toMatchObject({
      scan: { comparison: { added: [{ id: "CVE-2099-0001" }] } },
      notes: [],
    });
    expect((await ci("elsewhere.example/x:1", "--image", "no-such")).status).toBe(2);
  });
});
