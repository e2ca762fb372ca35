import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyVex } from "./apply-vex.ts";
import { buildAdvisoryIndex } from "./advisory-index.ts";
import { parseTrackerSource } from "./debian-tracker.ts";
import { parseExploitScores } from "./exploit-scores.ts";
import { parseExploited } from "./exploited.ts";
import { keysOf } from "./lookups.ts";
import { matchAdvisories } from "./match-advisories.ts";
import { parseOpenVex } from "./open-vex.ts";
import { parseOsvRecord, type ParsedAdvisory } from "./osv.ts";
import { parseSecdb } from "./secdb.ts";
import { absent, readOsvTexts } from "./testdata/read-osv.ts";
import { madeFinding, madeInventory, madeOs, madePackage } from "./testdata/made.ts";

/** Set to look longer than each run of the tests does. */
const numRuns = Number(process.env["TIDEMILL_FUZZ_RUNS"] ?? 1500);

const names = ["__proto__", "constructor", "toString", "length", "pkg", "name", "id", "0", "", "\u0000", "versions"];
const strange = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom<unknown>(null, [], {}, "", 0, -1, 1e308, true, "0", "CVE-2024-0001", "x".repeat(70_000)),
  fc.array(fc.constant("a"), { minLength: 0, maxLength: 50 }),
  fc.dictionary(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 2 })),
);

/** `value` with some of its parts, wherever they are, replaced, removed or doubled. */
function mutated(value: unknown): fc.Arbitrary<unknown> {
  const change = fc.record({
    at: fc.nat(),
    how: fc.constantFrom("replace", "remove", "double", "rename"),
    by: strange,
  });
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    let text = JSON.stringify(value);
    for (const { at, how, by } of changes) {
      const copy = JSON.parse(text) as unknown;
      mutate(copy, at, how, by);
      text = JSON.stringify(copy) ?? "null";
    }
    return JSON.parse(text) as unknown;
  });
}

function mutate(value: unknown, at: number, how: string, by: unknown): void {
  const places: { readonly of: Record<string, unknown>; readonly key: string }[] = [];
  const walk = (one: unknown): void => {
    if (typeof one !== "object" || one === null || places.length > 5000) return;
    for (const [key, below] of Object.entries(one)) {
      places.push({ of: one as Record<string, unknown>, key });
      walk(below);
    }
  };
  walk(value);
  const place = places[at % Math.max(1, places.length)];
  if (place === undefined) return;
  const { of, key } = place;
  if (how === "remove") Reflect.deleteProperty(of, key);
  else if (how === "double") of[key] = [of[key], of[key]];
  else if (how === "rename")
    Object.defineProperty(of, "__proto__", { value: of[key], enumerable: true, configurable: true });
  else of[key] = by;
}

const inventory = madeInventory(
  madeOs("debian", "12"),
  madePackage("deb", "openssl", "3.0.9-1"),
  madePackage("deb", "weird", "not a version"),
  madePackage("npm", "a", "1.0.0"),
  madePackage("pypi", "__proto__", "1.0"),
  madePackage("golang", "stdlib", "(devel)"),
);

/** Whatever was read can be matched, and what is told of it is whole. */
function expectMatchable(parsed: readonly ParsedAdvisory[]): void {
  for (const one of parsed) if (one.kind === "bad") expect(one.problem).not.toBe("");
  const advisories = parsed.flatMap((one) => (one.kind === "advisory" ? [one.advisory] : []));
  const index = buildAdvisoryIndex(advisories);
  const packages = advisories
    .flatMap(({ affected }) => affected)
    .slice(0, 50)
    .map(({ name }) => madePackage("deb", name, "1.0-1"));
  const held = { ...inventory, packages: [...inventory.packages, ...packages] };
  expect(keysOf(held).length).toBeGreaterThan(0);
  for (const finding of matchAdvisories(held, index).findings) {
    expect(finding.id).not.toBe("");
    expect(["affected", "unknown"]).toContain(finding.state);
  }
}

function fuzz(what: string, arbitrary: fc.Arbitrary<unknown>, read: (value: unknown) => void): void {
  it(`never throws and never hangs on ${what}`, () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        read(value);
      }),
      { numRuns, interruptAfterTimeLimit: 50_000, markInterruptAsFailure: true },
    );
  }, 180_000);
}

const osv = {
  schema_version: "1.7.0",
  id: "GHSA-aaaa-bbbb-cccc",
  modified: "2024-01-01T00:00:00Z",
  published: "2024-01-01T00:00:00Z",
  aliases: ["CVE-2024-0001"],
  upstream: ["CVE-2024-0001", "CVE-2024-0002"],
  related: ["CVE-2024-0003"],
  summary: "Important: nodejs:14 security update",
  severity: [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
  affected: [
    {
      package: { ecosystem: "Debian:12", name: "openssl", purl: "pkg:deb/debian/openssl" },
      ranges: [{ type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed: "3.0.9-2" }, { introduced: "3.1" }] }],
      versions: ["3.0.9-1"],
      ecosystem_specific: { urgency: "low", binaries: [{ a: "1" }] },
    },
    {
      package: { ecosystem: "npm", name: "a" },
      ranges: [{ type: "SEMVER", events: [{ introduced: "0" }, { last_affected: "1.0.0" }, { limit: "2.0.0" }] }],
      database_specific: { severity: "HIGH" },
    },
  ],
  database_specific: { severity: "MODERATE" },
};
const tracker = {
  "CVE-2024-0001": {
    description: "x",
    scope: "remote",
    releases: { bookworm: { status: "open", repositories: { bookworm: "1" }, urgency: "low", nodsa: "Minor issue" } },
  },
  "TEMP-0000000-ABCDEF": { releases: { bookworm: { status: "resolved", fixed_version: "1", urgency: "high" } } },
};
const secdb = {
  distroversion: "v3.19",
  packages: [
    { pkg: { name: "openssl", secfixes: { "1-r0": ["CVE-2024-0001 (and CVE-2024-0002)"], "0": ["GHSA-a"] } } },
  ],
};
const kev = {
  count: 1,
  dateReleased: "2024-01-01",
  vulnerabilities: [{ cveID: "CVE-2024-0001", dateAdded: "2024-01-01" }],
};
const vex = {
  "@context": "https://openvex.dev/ns/v0.2.0",
  author: "a",
  timestamp: "2024-01-01T00:00:00Z",
  statements: [
    {
      vulnerability: { name: "CVE-2024-0001", aliases: ["DSA-1-1"] },
      products: [
        { "@id": "pkg:deb/debian/openssl@1?arch=amd64", hashes: { "sha-256": "0".repeat(64) }, subcomponents: [] },
      ],
      status: "not_affected",
      justification: "component_not_present",
    },
  ],
};
const csv = "#model_version:v1,score_date:2024-01-01T00:00:00Z\ncve,epss,percentile\nCVE-2024-0001,0.5,0.9\n";

describe("parseOsvRecord", () => {
  const read = (value: unknown): void => expectMatchable([parseOsvRecord(value)]);
  fuzz("anything", strange, read);
  fuzz("a record that was changed", mutated(osv), read);
  if (absent === undefined) {
    const real = ["Go", "PyPI", "Ubuntu", "AlmaLinux"].flatMap((one) => readOsvTexts(one).slice(0, 50));
    fuzz(
      "real records that were changed",
      fc.constantFrom(...real).chain((text) => mutated(JSON.parse(text))),
      read,
    );
  }
});

describe("parseTrackerSource", () => {
  const read = (value: unknown): void => expectMatchable(parseTrackerSource("openssl", value));
  fuzz("anything", strange, read);
  fuzz("issues that were changed", mutated(tracker), read);
});

describe("parseSecdb", () => {
  const read = (value: unknown): void => expectMatchable([...parseSecdb(value, "wolfi").parsed]);
  fuzz("anything", strange, read);
  fuzz("a document that was changed", mutated(secdb), read);
});

describe("parseExploited", () => {
  const read = (value: unknown): void => {
    const parsed = parseExploited(value);
    if (parsed.kind === "bad") expect(parsed.problem).not.toBe("");
    else for (const { since } of parsed.vulnerabilities) expect(since).not.toBeNaN();
  };
  fuzz("anything", strange, read);
  fuzz("a catalogue that was changed", mutated(kev), read);
});

describe("parseExploitScores", () => {
  const read = (value: unknown): void => {
    const parsed = parseExploitScores(String(value));
    if (parsed.kind === "scores") for (const { epss } of parsed.scores) expect(epss >= 0 && epss <= 1).toBe(true);
  };
  const cut = fc.tuple(fc.nat(csv.length), fc.nat(csv.length), fc.string());
  fuzz("any text", fc.string({ unit: "binary" }), read);
  fuzz(
    "any JSON",
    strange.map((value) => JSON.stringify({ data: value })),
    read,
  );
  fuzz(
    "CSV that was changed",
    cut.map(([from, to, by]) => csv.slice(0, from) + by + csv.slice(to)),
    read,
  );
});

describe("parseOpenVex", () => {
  const read = (value: unknown): void => {
    const parsed = parseOpenVex(value);
    if (parsed.kind === "bad") {
      expect(parsed.problem).not.toBe("");
      return;
    }
    const found = applyVex(
      [madeFinding("CVE-2024-0001")],
      parsed.statements,
      { digests: [], repositories: [], inventory },
      1e15,
    );
    expect(found).toHaveLength(1);
  };
  fuzz("anything", strange, read);
  fuzz("a document that was changed", mutated(vex), read);
  const purl = fc
    .string()
    .map((text) => ({ ...vex, statements: [{ ...vex.statements[0], products: [`pkg:${text}`] }] }));
  fuzz("a product of any name", purl, read);
});
