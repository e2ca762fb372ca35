import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { serveFleet } from "../../src/serve-fleet.ts";
import { smallFleets } from "../faults/fixture.ts";
import { smallPackages, withBroken } from "../faults/small-fleet.ts";
import { needs } from "../needs.ts";

const fleets = smallFleets();
const examples = fileURLToPath(new URL("../../examples/observability/", import.meta.url));
const run = promisify(execFile);
const missing = await run("promtool", ["--version"]).then(
  () => undefined,
  () => "there is no promtool (Debian's package prometheus)",
);
const secret = "a secret of the test's own";

/** A scrape of a fleet in which something was built, renewed, taken back, and failed. */
async function scrapeBusy(): Promise<string> {
  const started = await fleets.start({
    webhooks: { ci: { from: "generic", secret } },
    watch: { interval: "6h" },
  });
  const { small, operations } = started;
  await small.publish(smallPackages({ libsmall1: "1.0-2" }));
  await started.run();
  await operations.rollback({ image: "small-app", environment: "production", by: "ada", reason: "drill" });
  await operations.hold({ image: "small-root", by: "ada", reason: "drill" });
  await small.publish(withBroken(smallPackages({ libsmall1: "1.0-2", "small-gauge": "1.0-2" }), "small-gauge"));
  await started.run();
  small.archive.fail(/InRelease/, { kind: "status", status: 404 });
  await started.run();
  const served = await serveFleet(started.fleet, {
    env: small.env,
    configPath: small.configPath,
    listen: "127.0.0.1:0",
    watch: false,
  });
  const url = served.statusPage;
  started.fleet.ctx.bases.asker.spend("registry.example");
  await fetch(`${url}hooks/ci`, { method: "POST", body: '{"image":"a.lan/x:1"}' });
  expect(await (await fetch(`${url}readyz`)).text()).toBe("ok\n");
  const response = await fetch(`${url}metrics`);
  const text = await response.text();
  expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
  await served.close();
  return text;
}

let scraped: Promise<string> | undefined;
/** The same for all who only read it. */
const scrape = (): Promise<string> => (scraped ??= scrapeBusy());

/** Every name that a scrape has, a histogram's by its own. */
const namesOf = (text: string): Set<string> =>
  new Set([...text.matchAll(/^# TYPE (\S+)/gm)].flatMap(([, name = ""]) => name));

describe("/metrics", () => {
  it("tells what the fleet is, what was done, and what waits", { timeout: 180_000 }, async () => {
    const text = await scrape();
    const value = (line: string): number | undefined => {
      const found = text.split("\n").find((one) => one.startsWith(`${line} `));
      return found === undefined ? undefined : Number(found.slice(line.length + 1));
    };
    expect(value('tidemill_images{state="held"}')).toBeGreaterThanOrEqual(1);
    expect(value('tidemill_environment_images{environment="production",exposure="unknown"}')).toBe(3);
    expect(value('tidemill_promotions_total{direction="back"}')).toBe(1);
    // Three at first, two that were renewed, each through both environments.
    expect(value('tidemill_promotions_total{direction="forward"}')).toBe(10);
    expect(value('tidemill_rebuilds_total{state="promoted",lane="routine"}')).toBe(5);
    expect(value('tidemill_rebuild_duration_seconds_count{state="promoted"}')).toBe(5);
    expect(value('tidemill_rebuild_duration_seconds_bucket{state="promoted",le="+Inf"}')).toBe(5);
    expect(value('tidemill_webhook_deliveries_total{endpoint="ci",outcome="refused"}')).toBe(1);
    expect(value("tidemill_webhook_events_waiting")).toBe(0);
    expect(value("tidemill_holds")).toBe(1);
    expect(value('tidemill_registry_requests_left{registry="registry.example"}')).toBe(1999);
    expect(value('tidemill_registry_requests_budget{registry="registry.example"}')).toBe(2000);
    expect(value('tidemill_registry_throttled{registry="registry.example"}')).toBe(0);
    expect(value('tidemill_alarms{severity="error"}')).toBe(1);
    expect(text).toMatch(/^tidemill_upstream_up\{upstream="[^"]+",kind="suite"\} 0$/m);
    expect(value("process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
    expect(text).not.toContain(secret);
    const buckets = [...text.matchAll(/duration_seconds_bucket\{state="promoted",le="[^"]+"\} (\d+)/g)].map(([, n]) =>
      Number(n),
    );
    expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
  });

  needs(missing)(
    "is what promtool expects, names and types and all",
    async () => {
      const text = await scrape();
      const child = spawn("promtool", ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"] });
      let said = "";
      child.stdout.on("data", (piece: Buffer) => (said += piece.toString()));
      child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
      child.stdin.end(text);
      const code = await new Promise((resolve) => child.once("close", resolve));
      expect({ code, said }).toEqual({ code: 0, said: "" });
    },
    180_000,
  );

  it("has every name that the alerts and the dashboard ask for", { timeout: 180_000 }, async () => {
    const names = namesOf(await scrape());
    const dashboard = JSON.parse(readFileSync(`${examples}dashboard.json`, "utf8")) as {
      panels: { targets: { expr: string }[] }[];
    };
    const asked = [
      readFileSync(`${examples}alerts.yml`, "utf8"),
      ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ].flatMap((text) => [...text.matchAll(/\btidemill_[a-z_]+/g)].map(([name]) => name.replace(/_bucket$/, "")));
    expect(asked.length).toBeGreaterThan(15);
    // These have a sample once there is something to tell.
    const later = ["tidemill_exposure_oldest_seconds"];
    expect([...new Set(asked)].filter((name) => !names.has(name) && !later.includes(name))).toEqual([]);
  });
});

describe("the alerting rules", () => {
  needs(missing)("fire where they should, and not where all is well", async () => {
    await run("promtool", ["check", "rules", "alerts.yml"], { cwd: examples });
    const { stdout } = await run("promtool", ["test", "rules", "alerts.test.yml"], { cwd: examples });
    expect(stdout).toContain("SUCCESS");
  });
});
