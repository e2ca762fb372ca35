import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { needs } from "../../../test/needs.ts";
import { sha256 } from "../../lib/index.ts";
import type { InstalledPackage, Inventory } from "../inventory/index.ts";
import { buildAdvisoryIndex } from "./advisory-index.ts";
import { closedFindings, matchAdvisories } from "./match-advisories.ts";
import { parseOsvRecord } from "./osv.ts";
import { parseTrackerSource } from "./debian-tracker.ts";
import type { Advisory } from "./types.ts";

const shared = "../shared/data/inventories";
const absent = existsSync(shared) ? undefined : "the shared data";

function inventory(packages: readonly Partial<InstalledPackage>[], more: Partial<Inventory> = {}): Inventory {
  return {
    platform: { os: "linux", architecture: "amd64" },
    os: { id: "debian", versionId: "12", codename: "bookworm", prettyName: undefined },
    packages: packages.map((entry) => ({
      type: "deb",
      name: "libssl3",
      version: "3.0.9-1",
      architecture: "amd64",
      source: "openssl",
      sourceVersion: entry.version ?? "3.0.9-1",
      layer: sha256(""),
      ...entry,
    })),
    status: "complete",
    system: "complete",
    problems: [],
    ...more,
  };
}
function osv(value: object): Advisory {
  const parsed = parseOsvRecord({ schema_version: "1.7.0", modified: "2024-01-01T00:00:00Z", ...value });
  if (parsed.kind === "bad") throw new Error(parsed.problem);
  return parsed.advisory;
}
function openssl(id: string, events: object[], more: object = {}): Advisory {
  const affected = [{ package: { ecosystem: "Debian:12", name: "openssl" }, ranges: [{ type: "ECOSYSTEM", events }] }];
  return osv({ id, affected, ...more });
}
const until = (fixed: string) => [{ introduced: "0" }, { fixed }];

describe("matchAdvisories", () => {
  it.each<[string, object[], string, boolean]>([
    ["before the fix", until("3.0.9-2"), "3.0.9-1", true],
    ["at the fix", until("3.0.9-2"), "3.0.9-2", false],
    ["a tilde before the fix", until("3.0.9-2"), "3.0.9-2~deb12u1", true],
    ["an epoch after the fix", until("3.0.9-2"), "1:1.0-1", false],
    ["before it came in", [{ introduced: "3.0-1" }, { fixed: "3.1-1" }], "2.9-1", false],
    ["between two ranges", [{ introduced: "1" }, { fixed: "2" }, { introduced: "3" }, { fixed: "4" }], "2.5", false],
    ["in the second range", [{ introduced: "1" }, { fixed: "2" }, { introduced: "3" }, { fixed: "4" }], "3", true],
    ["at the last affected", [{ introduced: "0" }, { last_affected: "3" }], "3", true],
    ["after the last affected", [{ introduced: "0" }, { last_affected: "3" }], "3.1", false],
    ["without a fix", [{ introduced: "0" }], "99", true],
  ])("%s", (_, events, version, isAffected) => {
    const report = matchAdvisories(inventory([{ version }]), buildAdvisoryIndex([openssl("DSA-1-1", events)]));
    expect(report.findings.map(({ id }) => id)).toEqual(isAffected ? ["DSA-1-1"] : []);
    expect(report.state).toBe("known");
  });

  it("looks up the source package, and compares its version, not the binary's", () => {
    const index = buildAdvisoryIndex([openssl("DSA-1-1", until("3.0.9-2"))]);
    const held = [
      { name: "libssl3", version: "9:9", sourceVersion: "3.0.9-1" },
      { name: "openssl", source: "other" },
    ];
    expect(matchAdvisories(inventory(held), index).findings).toMatchObject([
      { package: "libssl3", source: "openssl", version: "3.0.9-1", fixed: "3.0.9-2", state: "affected" },
    ]);
  });

  it("lets withdrawn ones and other releases be", () => {
    const withdrawn = openssl("DSA-1-1", until("9"), { withdrawn: "2024-02-01T00:00:00Z" });
    const other = osv({
      id: "DSA-2-1",
      affected: [{ package: { ecosystem: "Debian:11", name: "openssl" }, versions: ["3.0.9-1"] }],
    });
    const here = openssl("DSA-3-1", until("1"));
    expect(matchAdvisories(inventory([{}]), buildAdvisoryIndex([withdrawn, other, here])).findings).toEqual([]);
  });

  it("takes records that name each other for one vulnerability", () => {
    const index = buildAdvisoryIndex([
      openssl("CVE-2024-0001", [{ introduced: "0" }]),
      openssl("DEBIAN-CVE-2024-0001", until("3.0.9-2"), { aliases: ["CVE-2024-0001"] }),
      openssl("DSA-1-1", until("3.0.9-2"), { upstream: ["CVE-2024-0001"] }),
    ]);
    const { findings } = matchAdvisories(inventory([{}]), index);
    expect(findings.map(({ id, aliases, fixed }) => [id, aliases, fixed])).toEqual([
      ["CVE-2024-0001", ["DEBIAN-CVE-2024-0001", "DSA-1-1"], "3.0.9-2"],
    ]);
  });

  it("takes no longer for a source of which a hundred thousand things are said", () => {
    const advisories = Array.from({ length: 100_000 }, (_, at) => openssl(`CVE-2024-${10_000 + at}`, until("9")));
    const index = buildAdvisoryIndex(advisories);
    const begun = performance.now();
    expect(matchAdvisories(inventory([{}]), index).findings).toHaveLength(100_000);
    expect(performance.now() - begun).toBeLessThan(5000);
  });

  it("is never clean where it cannot know", () => {
    const index = buildAdvisoryIndex([openssl("DSA-1-1", until("1"))]);
    const reasons = (held: Inventory, used: typeof index | undefined) => {
      const { state, reasons: why } = matchAdvisories(held, used);
      return [state, why.join("; ")];
    };
    const os = { id: "alpine", versionId: "3.10", codename: undefined, prettyName: undefined };
    const sid = { id: "debian", versionId: undefined, codename: "sid", prettyName: undefined };
    const old = { id: "debian", versionId: "7", codename: "wheezy", prettyName: undefined };
    expect(reasons(inventory([{}]), undefined)).toEqual(["unknown", "no feed"]);
    expect(reasons(inventory([{}], { status: "unknown" }), index)[0]).toBe("unknown");
    expect(reasons(inventory([{}], { os }), index)).toEqual(["unknown", "no feed speaks of alpine:v3.10"]);
    expect(reasons(inventory([{}], { os: sid }), index)).toEqual(["unknown", "it does not say which release it is"]);
    expect(reasons(inventory([{}], { os: old }), index)).toEqual(["unknown", "no feed speaks of debian:7"]);
    expect(reasons(inventory([{}]), buildAdvisoryIndex([openssl("DSA-1-1", until("1"))], "osv: is old"))).toEqual([
      "unknown",
      "osv: is old",
    ]);
  });

  it("calls what it cannot compare unknown", () => {
    const index = buildAdvisoryIndex([openssl("DSA-1-1", [{ introduced: "0" }, { fixed: "not a version" }])]);
    expect(matchAdvisories(inventory([{}]), index).findings).toMatchObject([{ state: "unknown" }]);
  });

  it("tells what a rebuild closed", () => {
    const index = buildAdvisoryIndex([openssl("DSA-1-1", until("3.0.9-2")), openssl("DSA-2-1", until("3.0.9-3"))]);
    const [before, after] = ["3.0.9-1", "3.0.9-2"].map(
      (version) => matchAdvisories(inventory([{ version }]), index).findings,
    );
    expect(closedFindings(before ?? [], after ?? []).map(({ id }) => id)).toEqual(["DSA-1-1"]);
  });

  it("reads the security tracker's document", () => {
    const releases = (status: string, fixed?: string) => ({
      releases: { bookworm: { status, ...(fixed === undefined ? {} : { fixed_version: fixed }), urgency: "low" } },
    });
    const parsed = parseTrackerSource("openssl", {
      "CVE-2024-0001": releases("resolved", "3.0.9-2"),
      "CVE-2024-0002": releases("open"),
      "CVE-2024-0003": releases("resolved", "0"),
      "CVE-2024-0004": releases("undetermined"),
      "CVE-2024-0005": releases("resolved", "1.0"),
      "CVE-2024-0006": { releases: { bookworm: { status: "new word" } } },
      nonsense: releases("open"),
    });
    const good = parsed.flatMap((one) => (one.kind === "advisory" ? [one.advisory] : []));
    const { findings } = matchAdvisories(inventory([{}]), buildAdvisoryIndex(good));
    expect(findings.map(({ id, fixed }) => [id, fixed])).toEqual([
      ["CVE-2024-0001", "3.0.9-2"],
      ["CVE-2024-0002", undefined],
      ["CVE-2024-0004", undefined],
    ]);
    expect(parsed.filter(({ kind }) => kind === "bad")).toHaveLength(2);
  });
});

interface RealInventory {
  readonly packages: readonly {
    readonly name: string;
    readonly version: string;
    readonly arch: string;
    readonly source: string;
    readonly source_version: string;
  }[];
}

describe("matchAdvisories on real data", () => {
  needs(absent)("finds what another scanner finds in a real Debian 10", () => {
    const folder = `${shared}/trivy/debian-buster`;
    const json = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
    const real = json(`${folder}/inventory.json`) as RealInventory;
    const expected = json(`${folder}/expected.json`) as {
      findings: { id: string; package: string; version: string }[];
    };
    const feed = (json(`${shared}/trivy/db-developers.osv.json`) as object[]).flatMap((record) => {
      const parsed = parseOsvRecord(record);
      return parsed.kind === "advisory" ? [parsed.advisory] : [];
    });
    const os = { id: "debian", versionId: "10.1", codename: "buster", prettyName: undefined };
    const held = inventory(
      real.packages.map((one) => ({ ...one, architecture: one.arch, sourceVersion: one.source_version })),
      { os },
    );
    const key = (one: { id: string; package: string; version: string }) => `${one.id} ${one.package} ${one.version}`;
    const { findings } = matchAdvisories(held, buildAdvisoryIndex(feed));
    expect(findings.map(key).sort()).toEqual(expected.findings.map(key).sort());
  });
});
