import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { smallFleets, type Started } from "../faults/fixture.ts";
import { hour, smallPackages } from "../faults/small-fleet.ts";

const fleets = smallFleets();
const severity = [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }];

async function start(gates: object): Promise<Started & { tell: (id: string, events: object[]) => Promise<void> }> {
  const small = await fleets.create({});
  const feed = join(small.folder, "osv");
  await mkdir(feed);
  const tell = (id: string, events: object[], name = "small-gauge") => {
    const affected = [{ package: { ecosystem: "Debian:12", name }, ranges: [{ type: "ECOSYSTEM", events }] }];
    const at = new Date(Date.now() - hour).toISOString();
    const record = { schema_version: "1.7.0", id, published: at, modified: at, severity, affected };
    return writeFile(join(feed, `${id}.json`), JSON.stringify(record));
  };
  await tell("CVE-2099-9999", [{ introduced: "0" }, { fixed: "1" }], "something-else");
  const environments = [{ name: "staging" }, { name: "production", gates }];
  const images = {
    "small-alone": { packages: ["small-base", "small-gauge", "libsmall1"], entrypoint: ["/usr/bin/small-gauge"] },
  };
  await small.configure({ environments, images, feeds: [{ kind: "osv", from: feed }] });
  await small.publish(gauge("1.0-1"));
  const started = await fleets.open(small);
  await started.run();
  return { ...started, tell: (id, events) => tell(id, events) };
}

function gauge(version: string, more: Readonly<Record<string, string>> = {}) {
  const release = { path: "usr/lib/os-release", content: 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=small\n' };
  return smallPackages({ "small-gauge": version, ...more }).map((one) =>
    one.name === "small-base" ? { ...one, entries: [...(one.entries ?? []), release] } : one,
  );
}

describe("an environment with a scan gate", { timeout: 120_000 }, () => {
  it("keeps out what brings a new critical vulnerability, and lets the version in that does not", async () => {
    const { run, version, fleet, tell, small } = await start({ scan: { failOn: ["critical"] } });
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
    await tell("CVE-2099-0001", [{ introduced: "1.0-2" }, { fixed: "1.0-3" }]);
    await small.publish(gauge("1.0-2"));
    await run();
    expect(await version("small-alone", "small-gauge", "staging")).toBe("1.0-2");
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
    const [refused] = await fleet.ctx.store.loadRebuilds({ image: "small-alone", limit: 1 });
    expect(refused?.lastError?.message).toContain("critical: CVE-2099-0001 in small-gauge 1.0-2");
    await small.publish(gauge("1.0-3"));
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-3");
  });

  it("holds the update back that brings it, and lets the others in", async () => {
    const { run, version, tell, small, operations } = await start({ scan: { failOn: ["critical"] } });
    await tell("CVE-2099-0003", [{ introduced: "1.0-2" }]);
    await small.publish(gauge("1.0-2", { libsmall1: "1.0-2" }));
    await run();
    expect(await version("small-alone", "libsmall1")).toBe("1.0-2");
    expect(await version("small-alone", "small-gauge")).toBe("1.0-1");
    const { held } = await operations.plan({});
    expect(JSON.stringify(held)).toContain("small-gauge");
  });

  it("lets an update in that leaves a critical one as it was: it is no worse than what runs", async () => {
    const { run, version, tell, small } = await start({ scan: { failOn: ["critical"] } });
    await tell("CVE-2099-0002", [{ introduced: "0" }]);
    await small.publish(gauge("1.0-2"));
    await run();
    expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
  });
});
