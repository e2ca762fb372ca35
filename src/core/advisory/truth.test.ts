import { readFileSync } from "node:fs";
import { describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { sha256 } from "../../lib/index.ts";
import type { InstalledPackage, Inventory, OsRelease, PackageType } from "../inventory/index.ts";
import { buildAdvisoryIndex, type AdvisoryIndex } from "./advisory-index.ts";
import { advisoryKey } from "./ecosystems.ts";
import { matchAdvisories } from "./match-advisories.ts";
import { parseOsvRecord } from "./osv.ts";
import { absent, readJson, readOsvTexts, shared } from "./testdata/read-osv.ts";
import type { Advisory } from "./types.ts";
import { stateOfVersion } from "./version-state.ts";

interface RealPackage {
  readonly name: string;
  readonly version: string;
  readonly ecosystem: string;
  readonly arch?: string;
  readonly source?: string;
  readonly source_version?: string;
  readonly rpm_source?: string;
}
interface RealFinding {
  readonly id: string;
  readonly package: string;
  readonly version: string;
  readonly fixed: string | null;
}

/** What os-release says in images of the ecosystems of the data. */
function systemOf(ecosystem: string): { readonly type: PackageType; readonly os?: OsRelease } {
  const [base = "", release = ""] = ecosystem.replace(/^x-/, "").split(":");
  const os = (id: string, versionId: string): OsRelease => ({
    id,
    versionId,
    codename: undefined,
    prettyName: undefined,
  });
  const known = new Map<string, () => { readonly type: PackageType; readonly os?: OsRelease }>([
    ["Alpine", () => ({ type: "apk", os: os("alpine", `${release.slice(1)}.4`) })],
    ["Debian", () => ({ type: "deb", os: os("debian", release) })],
    ["Ubuntu", () => ({ type: "deb", os: os("ubuntu", release) })],
    ["Oracle Linux", () => ({ type: "rpm", os: os("ol", `${release}.0`) })],
    ["openSUSE", () => ({ type: "rpm", os: os("opensuse-leap", release.replace("Leap ", "")) })],
    ["crates.io", () => ({ type: "cargo" })],
    ["Packagist", () => ({ type: "composer" })],
    ["Go", () => ({ type: "golang" })],
    ["npm", () => ({ type: "npm" })],
    ["PyPI", () => ({ type: "pypi" })],
    ["Maven", () => ({ type: "maven" })],
    ["RubyGems", () => ({ type: "gem" })],
    ["NuGet", () => ({ type: "nuget" })],
  ]).get(base);
  if (known === undefined) throw new Error(`the test does not know ${ecosystem}`);
  return known();
}

function inventoryOf(packages: readonly RealPackage[]): Inventory {
  const systems = new Map(packages.map(({ ecosystem }) => [ecosystem, systemOf(ecosystem)]));
  const [os] = [...systems.values()].flatMap((system) => system.os ?? []);
  return {
    platform: { os: "linux", architecture: "amd64" },
    os,
    packages: packages.map((one): InstalledPackage => ({
      type: systems.get(one.ecosystem)?.type ?? "deb",
      name: one.name,
      version: one.version,
      architecture: one.arch ?? "",
      source: one.source ?? one.rpm_source ?? one.name,
      sourceVersion: one.source_version ?? one.version,
      layer: sha256(""),
    })),
    status: "complete",
    system: "complete",
    problems: [],
  };
}

/** Names that start with `x-` are no OSV ecosystems: without it they are what Oracle calls its own. */
function readIndex(values: readonly unknown[]): AdvisoryIndex {
  const advisories = values.map((value): Advisory => {
    const text = JSON.stringify(value).replaceAll('"ecosystem":"x-', '"ecosystem":"');
    const parsed = parseOsvRecord(JSON.parse(text));
    if (parsed.kind === "bad") throw new Error(`${parsed.id}: ${parsed.problem}`);
    return parsed.advisory;
  });
  return buildAdvisoryIndex(advisories);
}

/** Cures that the expected findings give otherwise than we do, each explained in docs/matching.md. */
const otherCures = new Map([
  // The record's range ends with `last_affected: 2.9.10.3`, which names no cure; the golden file's is not in it.
  ["CVE-2020-9548 com.fasterxml.jackson.core:jackson-databind 2.9.1", undefined],
  // The record says 2.8.0; modules' tags are written with a `v`, which the golden file keeps.
  ["GMS-2022-20 github.com/docker/distribution v2.7.1+incompatible", "2.8.0"],
]);

const sets = [
  ["trivy/alpine-310", 4],
  ["trivy/cargo.lock", 0],
  ["trivy/composer.lock", 1],
  ["trivy/debian-buster", 2],
  ["trivy/gomod", 5],
  ["trivy/npm", 1],
  ["trivy/opensuse-leap-151", 2],
  ["trivy/oraclelinux-8", 2],
  ["trivy/pip", 2],
  ["trivy/poetry", 1],
  ["trivy/pom", 2],
  ["trivy/ubuntu-1804", 5],
  ["trivy/yarn", 1],
] as const;

describe("matchAdvisories on real data", () => {
  for (const [name, count] of sets)
    needs(absent)(`finds in ${name} what another scanner's own tests expect`, () => {
      const { packages } = readJson(`inventories/${name}/inventory.json`) as { readonly packages: RealPackage[] };
      const { findings: expected } = readJson(`inventories/${name}/expected.json`) as {
        readonly findings: RealFinding[];
      };
      expect(expected).toHaveLength(count);
      expect(packages.length).toBeGreaterThan(0);
      const index = readIndex(readJson("inventories/trivy/db-developers.osv.json") as unknown[]);
      expect(index.size).toBe(20);
      const held = inventoryOf(packages);
      const report = matchAdvisories(held, index);
      expect(report.reasons).toEqual(name === "trivy/cargo.lock" ? ["no feed speaks of crates.io"] : []);
      const keyOf = (one: { id: string; package: string; version: string }) =>
        `${one.id} ${one.package} ${one.version}`;
      const found = new Map(report.findings.map((one) => [keyOf(one), one.fixed]));
      expect([...found.keys()].sort()).toEqual([...new Set(expected.map(keyOf))].sort());
      expect(report.findings).toHaveLength(count);
      expect(report.findings.every(({ state }) => state === "affected")).toBe(true);
      for (const one of expected) {
        const key = keyOf(one);
        const cure = otherCures.has(key) ? otherCures.get(key) : (one.fixed ?? undefined);
        expect([key, found.get(key)]).toEqual([key, cure]);
      }
    });

  // What the sets with findings prove is not that nothing is found in those without: each is looked through a second
  // time as if all its versions were older than any, and then has what the text of the records says.
  needs(absent)(
    "finds nothing in a real Debian 12 that dpkg calls current, and all in one that is older than any",
    () => {
      const { packages } = readJson("inventories/debian/bookworm-minbase/inventory.json") as {
        packages: RealPackage[];
      };
      const { by_db: expected } = readJson("inventories/debian/bookworm-minbase/expected.json") as { by_db: object };
      expect(expected).toEqual({ "osv/Debian": [] });
      expectAsOld(packages, "Debian", "Debian:12", 54);
    },
  );

  needs(absent)("finds nothing in a real Alpine 3.10.4, and all in one that is older than any", () => {
    const { packages } = readJson("inventories/apk/alpine-3.10.4/inventory.json") as { packages: RealPackage[] };
    expect(readJson("inventories/apk/alpine-3.10.4/expected.json")).toMatchObject({ mode: "exact", findings: [] });
    expectAsOld(packages, "Alpine", "Alpine:v3.10", 26);
  });
});

interface RawRecord {
  readonly id: string;
  readonly upstream?: readonly string[];
  readonly affected?: readonly { readonly package: { readonly ecosystem: string; readonly name: string } }[];
}

/** Nothing is found in `packages`; and as if they were of version 0, each CVE that a record of `ecosystem` names for the source, `count` in all. */
function expectAsOld(packages: readonly RealPackage[], feed: string, ecosystem: string, count: number): void {
  const records = readOsvTexts(feed).map((text) => JSON.parse(text) as RawRecord);
  const index = readIndex(records);
  const held = inventoryOf(packages);
  expect(matchAdvisories(held, index)).toEqual({ state: "known", reasons: [], findings: [] });
  const named = new Map<string, Set<string>>();
  for (const { id, upstream = [], affected = [] } of records) {
    for (const one of affected) {
      if (one.package.ecosystem !== ecosystem) continue;
      const ids = named.get(one.package.name) ?? new Set<string>();
      named.set(one.package.name, ids);
      const cves = upstream.filter((name) => name.startsWith("CVE-"));
      for (const name of cves.length === 0 ? [id] : cves) ids.add(name);
    }
  }
  const wanted = held.packages.flatMap((one) => [...(named.get(one.source) ?? [])].map((id) => `${one.name} ${id}`));
  const old = { ...held, packages: held.packages.map((one) => ({ ...one, version: "0", sourceVersion: "0" })) };
  const found = matchAdvisories(old, index).findings;
  expect(found.map((one) => `${one.package} ${one.id}`).sort()).toEqual([...new Set(wanted)].sort());
  expect(found).toHaveLength(count);
  expect(found.every(({ state, fixed }) => state === "affected" && fixed !== undefined)).toBe(true);
}

interface Recorded {
  readonly request: {
    readonly queries: readonly { package?: { ecosystem?: string; name: string }; version?: string }[];
  };
  readonly response: { readonly results?: readonly { vulns?: readonly { id: string }[] }[] };
}

/** The newest change of any record that an answer names: what was changed after it, OSV could not know. */
const recordedUntil = Date.parse("2026-08-04T16:38:21Z");
/** Records that we match and OSV did not, each explained in docs/matching.md; besides those that are newer than the answers. */
const notThere = ["PyPI urllib3 1.24.3 PYSEC-2021-108", "npm cryo 0.0.6 x_NSWG-ECO-461"];

describe("matching", () => {
  needs(absent)("says of every record what OSV itself answered, for 700 questions", () => {
    const feeds = ["Go", "PyPI", "crates.io", "npm", "Debian", "Alpine", "AlmaLinux", "Ubuntu"];
    const advisories = feeds.flatMap(readOsvTexts).flatMap((text) => {
      const parsed = parseOsvRecord(JSON.parse(text));
      return parsed.kind === "advisory" ? [parsed.advisory] : [];
    });
    const index = buildAdvisoryIndex(advisories);
    const modified = new Map(advisories.map((one) => [one.id, one.modified ?? 0]));
    const asked = new Map<string, { ours: Set<string>; theirs: Set<string> }>();
    const lines = readFileSync(`${shared}/inventories/osv-dev-recorded/querybatch-http.jsonl`, "utf8").trim();
    for (const line of lines.split("\n")) {
      const { request, response } = JSON.parse(line) as Recorded;
      for (const [at, { package: of, version = "" }] of request.queries.entries()) {
        if (of?.ecosystem === undefined) continue;
        const key = advisoryKey(of.ecosystem, of.name);
        const rows = index.find(key.ecosystem, key.name);
        const known = new Set(rows.map(({ advisory }) => advisory.id));
        const ours = rows.filter((row) => stateOfVersion(version, row.affected).kind !== "clear");
        const theirs = (response.results?.[at]?.vulns ?? []).map(({ id }) => id).filter((id) => known.has(id));
        const question = `${of.ecosystem} ${of.name} ${version}`;
        const answer = asked.get(question) ?? { ours: new Set(), theirs: new Set() };
        asked.set(question, answer);
        for (const { advisory } of ours) answer.ours.add(advisory.id);
        for (const id of theirs) answer.theirs.add(id);
      }
    }
    const missed = [...asked].flatMap(([question, { ours, theirs }]) =>
      [...theirs].filter((id) => !ours.has(id)).map((id) => `${question} ${id}`),
    );
    const more = [...asked].flatMap(([question, { ours, theirs }]) =>
      [...ours]
        .filter((id) => !theirs.has(id) && (modified.get(id) ?? 0) <= recordedUntil)
        .map((id) => `${question} ${id}`),
    );
    expect(missed).toEqual([]);
    expect(more.sort()).toEqual(notThere);
    const agreed = [...asked.values()].flatMap(({ ours, theirs }) => [...theirs].filter((id) => ours.has(id)));
    expect(asked.size).toBeGreaterThan(700);
    expect(agreed.length).toBeGreaterThan(380);
  });
});
