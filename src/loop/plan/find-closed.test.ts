import { describe, expect, it } from "vitest";
import { buildAdvisoryIndex, parseOsvRecord, type Advisory, type AdvisoryIndex } from "../../core/advisory/index.ts";
import type { InstalledPackage } from "../../core/inventory/index.ts";
import type { PackageUpdate } from "../../core/plan/index.ts";
import { sha256 } from "../../lib/index.ts";
import { closedByUpdates, noteInstalled, type Installed } from "./find-closed.ts";

function record(id: string, release: string, fixed: string, more: object = {}): Advisory {
  const range = { type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed }] };
  const affected = [{ package: { ecosystem: `Debian:${release}`, name: "openssl" }, ranges: [range] }];
  const parsed = parseOsvRecord({ id, modified: "2024-01-01T00:00:00Z", affected, ...more });
  if (parsed.kind === "bad") throw new Error(parsed.problem);
  return parsed.advisory;
}
function held(...versions: string[]): Installed {
  const installed: Installed = { oldest: new Map(), versions: new Map(), ecosystems: new Set(["debian:12"]) };
  for (const version of versions) noteInstalled(installed, libssl(version));
  return installed;
}
function libssl(version: string): InstalledPackage {
  const source = { source: "openssl", sourceVersion: version };
  return { type: "deb", name: "libssl3", version, architecture: "amd64", ...source, layer: sha256("") };
}
const offered: PackageUpdate = {
  name: "libssl3",
  architecture: "amd64",
  version: "3.0.11-1",
  source: "openssl",
  sourceVersion: "3.0.11-1",
  origin: "security",
  security: true,
  urgent: false,
  firstSeen: 0,
  baseline: false,
  advisories: [],
};
const index = buildAdvisoryIndex([
  record("CVE-2022-1111", "12", "3.0.8-1"),
  record("CVE-2023-2222", "12", "3.0.10-1", { database_specific: { severity: "CRITICAL" } }),
  record("DSA-5532-1", "12", "3.0.11-1", { upstream: ["CVE-2023-5363"] }),
  record("DSA-5417-1", "11", "3.0.11-1"),
]);

describe("closedByUpdates", () => {
  it("tells for each version that images hold what the offered one closes", () => {
    const closes = closedByUpdates(index, held("3.0.9-1", "3.0.10-1", "3.0.7-1", "3.0.9-1"))(offered);
    const none = { exploited: [], vouched: [] };
    expect(Object.fromEntries(closes ?? [])).toEqual({
      "3.0.7-1": {
        advisories: ["CVE-2022-1111", "CVE-2023-2222", "CVE-2023-5363", "DSA-5532-1"],
        urgent: ["CVE-2023-2222"],
        ...none,
      },
      "3.0.9-1": { advisories: ["CVE-2023-2222", "CVE-2023-5363", "DSA-5532-1"], urgent: ["CVE-2023-2222"], ...none },
      "3.0.10-1": { advisories: ["CVE-2023-5363", "DSA-5532-1"], urgent: [], ...none },
    });
  });

  it.each<[string, Installed, Partial<PackageUpdate>]>([
    ["a version that is as new", held("3.0.11-1", "3.1-1"), {}],
    ["another architecture", held("3.0.9-1"), { architecture: "arm64" }],
    ["a package that no image holds", held("3.0.9-1"), { name: "libcrypto3" }],
    ["another release", { ...held("3.0.9-1"), ecosystems: new Set(["debian:13"]) }, {}],
    ["images of which nobody knows the release", { ...held("3.0.9-1"), ecosystems: new Set() }, {}],
  ])("says nothing for %s", (_, installed, change) => {
    expect(closedByUpdates(index, installed)({ ...offered, ...change })).toBeUndefined();
  });

  it("looks each pair of source versions up once, however many packages are of that source", () => {
    let asked = 0;
    const counted: AdvisoryIndex = {
      ...index,
      find: (ecosystem, source) => {
        asked += 1;
        return index.find(ecosystem, source);
      },
    };
    const installed = held("3.0.9-1");
    const names = Array.from({ length: 50 }, (_, at) => `libssl3-${at}`);
    for (const name of names) noteInstalled(installed, { ...libssl("3.0.9-1"), name });
    const closedBy = closedByUpdates(counted, installed);
    for (const name of names) expect(closedBy({ ...offered, name })?.size).toBe(1);
    expect(asked).toBe(1);
  });
});
